"""Commands about what customers are worth and what to offer them: customer value, next best offers, electric substitution."""

from __future__ import annotations

from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import MomentOptions
from gridlens.reports.console import print_json, print_result, print_summary, print_table, say
from gridlens.settings import Settings

value_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Customer value (客户价值): run, list, show.")
offers_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Next best offers (产品推荐): run, list, show.")
substitution_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Electric substitution (电能替代): run, list.")
_Limit = Annotated[int, typer.Option("--limit", min=1, help="Rows shown.")]


@value_app.command("run")
@with_settings
def value_run(settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Value every open account: margin of twelve months, of the next twelve, potential; judged by the year that followed an earlier moment.

    Example: `gridlens value run`
    """
    from gridlens.pipelines.customer_value import run_value, value_definitions

    definitions = value_definitions(settings)  # a mistake in a definition is told before Spark starts
    with session(settings) as spark:
        result = run_value(spark, settings, MomentOptions(as_of, known_at), definitions=definitions, say=say)
    print_result("Customer value", result, as_json=as_json)


@value_app.command("list")
@with_settings
def value_list(
    settings: Settings,
    as_of: AsOf = None,
    limit: _Limit = 20,
    category: Annotated[str | None, typer.Option("--category", help="Accounts of this category only, such as residential.")] = None,
    band: Annotated[str | None, typer.Option("--band", help="Accounts of this band only, such as key.")] = None,
    as_json: Json = False,
) -> None:
    """List the accounts with the highest values.

    Example: `gridlens value list --category commercial`
    """
    from gridlens.pipelines.value_look import list_values

    with session(settings) as spark:
        rows = list_values(spark, settings, as_of=as_of, limit=limit, category=category, band=band)
    print_json(rows) if as_json else print_table(rows)


@value_app.command("show")
@with_settings
def value_show(
    settings: Settings, account: Annotated[str, typer.Argument(metavar="ACCOUNT")], as_of: AsOf = None, as_json: Json = False
) -> None:
    """Show every part of an account's value.

    Example: `gridlens value show 9900000176`
    """
    from gridlens.pipelines.value_look import show_value

    with session(settings, brief=True) as spark:
        facts = show_value(spark, settings, account, as_of=as_of)
    print_json(facts) if as_json else print_summary(account, facts)


@offers_app.command("run")
@with_settings
def offers_run(settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Choose the next best offers of every account from the newest propensities, by expected margin, after exclusions.

    Example: `gridlens offers run`
    """
    from gridlens.pipelines.offers import offer_plan, run_offers

    plan = offer_plan(settings)  # a mistake in the plan is told before Spark starts
    with session(settings) as spark:
        result = run_offers(spark, settings, MomentOptions(as_of, known_at), plan=plan, say=say)
    print_result("Next best offers", result, as_json=as_json)


@offers_app.command("list")
@with_settings
def offers_list(
    settings: Settings,
    as_of: AsOf = None,
    limit: _Limit = 20,
    product: Annotated[str | None, typer.Option("--product", help="Offers of this product only.")] = None,
    by_product: Annotated[bool, typer.Option("--by-product", help="How often each product is offered, and left out why.")] = False,
    as_json: Json = False,
) -> None:
    """List the offers with the highest expected margin.

    Example: `gridlens offers list --by-product`
    """
    from gridlens.pipelines.value_look import list_offers, offers_by_product

    with session(settings) as spark:
        if by_product:
            rows = offers_by_product(spark, settings, as_of=as_of)
        else:
            rows = list_offers(spark, settings, as_of=as_of, limit=limit, product=product)
    print_json(rows) if as_json else print_table(rows)


@offers_app.command("show")
@with_settings
def offers_show(
    settings: Settings, account: Annotated[str, typer.Argument(metavar="ACCOUNT")], as_of: AsOf = None, as_json: Json = False
) -> None:
    """Show the offers of an account, the best first.

    Example: `gridlens offers show 9900000176`
    """
    from gridlens.pipelines.value_look import show_offers

    with session(settings, brief=True) as spark:
        rows = show_offers(spark, settings, account, as_of=as_of)
    print_json(rows) if as_json else print_table(rows, title=account)


@substitution_app.command("run")
@with_settings
def substitution_run(settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Rank who could change from coal, oil or gas to electricity, by expected revenue; energy, money and CO2 of it.

    Example: `gridlens substitution run`
    """
    from gridlens.pipelines.substitution import run_substitution, substitution_definition

    definition = substitution_definition(settings)  # a mistake in the definition is told before Spark starts
    with session(settings) as spark:
        result = run_substitution(spark, settings, MomentOptions(as_of, known_at), definition=definition, say=say)
    print_result("Electric substitution", result, as_json=as_json)


@substitution_app.command("list")
@with_settings
def substitution_list(
    settings: Settings,
    as_of: AsOf = None,
    limit: _Limit = 20,
    by: Annotated[str | None, typer.Option("--by", help="Sums of all by process, industry, risk_band or grade instead.")] = None,
    as_json: Json = False,
) -> None:
    """List the candidates by expected revenue, with risk of arrears and credit grade; or the whole potential by a group.

    Example: `gridlens substitution list --by industry`
    """
    from gridlens.pipelines.value_look import list_substitution

    with session(settings) as spark:
        rows = list_substitution(spark, settings, as_of=as_of, limit=limit, by=by)
    print_json(rows) if as_json else print_table(rows)
