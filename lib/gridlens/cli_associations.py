"""Commands about association rules: find them, list them, show one in every scope."""

from __future__ import annotations

from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import AssociationOptions
from gridlens.reports.console import print_json, print_result, print_summary, print_table, say
from gridlens.settings import Settings

associations_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Association rules between products, services, events and tags."
)
_Basket = Annotated[str | None, typer.Option("--basket", help="Id of one basket definition; default all.")]
_SHOWN = [
    "rule_id",
    "basket",
    "scope",
    "antecedent",
    "consequent",
    "both_count",
    "support",
    "confidence",
    "lift",
    "q_value",
    "effect_amount",
]


@associations_app.command("run")
@with_settings
def associations_run(
    settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, basket: _Basket = None, as_json: Json = False
) -> None:
    """Find and test the rules of every basket at the newest account features and tags.

    Example: `gridlens associations run`, or one basket only: `gridlens associations run --basket home_offers`
    """
    from gridlens.pipelines.association_facts import basket_library
    from gridlens.pipelines.associations import run_associations

    library = basket_library(settings)  # a mistake in a definition is told before Spark starts
    library.chosen(basket)
    with session(settings) as spark:
        result = run_associations(spark, settings, AssociationOptions(as_of, known_at, basket), library=library, say=say)
    print_result("Associations", result, as_json=as_json)


@associations_app.command("check")
@with_settings
def associations_check(settings: Settings, as_json: Json = False) -> None:
    """Check the basket definitions without Spark and list them.

    Example: `gridlens associations check --conf myconf`
    """
    from gridlens.pipelines.association_look import list_baskets

    rows = list_baskets(settings)
    print_json(rows) if as_json else print_table(rows)


@associations_app.command("list")
@with_settings
def associations_list(
    settings: Settings,
    basket: _Basket = None,
    item: Annotated[str | None, typer.Option("--item", help="Rules with this item, such as product:PR04.")] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Rules of one scope: all, industry:52, area:AR01.")] = None,
    tested: Annotated[bool, typer.Option("--tested", help="Also rules that are not significant.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rules.")] = 20,
    as_json: Json = False,
) -> None:
    """List the rules found, the surest first.

    Example: `gridlens associations list --item product:PR04 --scope all`
    """
    from gridlens.pipelines.association_look import RuleSelection, list_rules

    with session(settings, brief=True) as spark:
        rows = list_rules(spark, settings, RuleSelection(basket, item, scope, limit, tested))
    print_json(rows) if as_json else print_table(rows, _SHOWN)


@associations_app.command("show")
@with_settings
def associations_show(
    settings: Settings, rule: Annotated[str, typer.Argument(metavar="RULE", help="rule_id, as the list shows it.")], as_json: Json = False
) -> None:
    """Show one rule: its names, its measures in every scope where it was tested, and how sure it is.

    Example: `gridlens associations show 3f2a9c01b7de`
    """
    from gridlens.pipelines.association_look import show_rule

    with session(settings, brief=True) as spark:
        rows = show_rule(spark, settings, rule)
    if as_json:
        print_json(rows)
        return
    first = rows[0]
    facts = ("basket", "antecedent", "consequent", "as_of", "known_at", "definition", "effect_of", "currency")
    title = f"{first['antecedent_zh']} → {first['consequent_zh']} ({first['antecedent_en']} → {first['consequent_en']})"
    print_summary(title, {name: first[name] for name in facts})
    described = {*facts, "rule_id", "antecedent_items", "items", "antecedent_zh", "antecedent_en", "consequent_zh", "consequent_en"}
    print_table(rows, [name for name in first if name not in described])
