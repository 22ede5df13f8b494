"""Commands about the behaviour graph: write it, and ask it."""

from __future__ import annotations

from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import GraphOptions
from gridlens.reports.console import print_result, say
from gridlens.settings import Settings

graph_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Behaviour graph: who is who, what is connected with what.")
_Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account id.")]
_Limit = Annotated[int, typer.Option("--limit", min=1, help="Rows shown of each list.")]


@graph_app.command("run")
@with_settings
def graph_run(settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Resolve parties to persons and companies, and write the edges of the graph.

    Example: `gridlens graph run`, or of an earlier day: `gridlens graph run --as-of 2026-02-28`
    """
    from gridlens.pipelines.graph import run_graph

    with session(settings) as spark:
        result = run_graph(spark, settings, GraphOptions(as_of, known_at), say=say)
    print_result("Graph", result, as_json=as_json)


@graph_app.command("neighbours")
@with_settings
def graph_neighbours(settings: Settings, account: _Account, as_of: AsOf = None, limit: _Limit = 10, as_json: Json = False) -> None:
    """List the accounts on the same transformer (同台区), those most like it in category and energy first.

    Example: `gridlens graph neighbours 9900000042`
    """
    from gridlens.pipelines.graph_queries import neighbours_of

    with session(settings) as spark:
        result = neighbours_of(spark, settings, account, limit=limit, as_of=as_of)
    print_result("Neighbours", result, as_json=as_json)


@graph_app.command("group")
@with_settings
def graph_group(settings: Settings, account: _Account, as_of: AsOf = None, limit: _Limit = 20, as_json: Json = False) -> None:
    """Show what the account's holder holds (集团户), by whatever party id: accounts, areas, energy, money, consents.

    Example: `gridlens graph group 9900000042`
    """
    from gridlens.pipelines.graph_queries import group_of

    with session(settings) as spark:
        result = group_of(spark, settings, account, limit=limit, as_of=as_of)
    print_result("Group", result, as_json=as_json)


@graph_app.command("alike")
@with_settings
def graph_alike(settings: Settings, account: _Account, as_of: AsOf = None, limit: _Limit = 10, as_json: Json = False) -> None:
    """List the accounts that behave most like this one (相似客户): energy, shape, seasons, payment, contacts.

    Example: `gridlens graph alike 9900000042 --limit 5`
    """
    from gridlens.pipelines.graph_queries import alike_to

    with session(settings) as spark:
        result = alike_to(spark, settings, account, limit=limit, as_of=as_of)
    print_result("Alike", result, as_json=as_json)


@graph_app.command("influence")
@with_settings
def graph_influence(
    settings: Settings,
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="Product id.")],
    days: Annotated[int, typer.Option("--days", min=1, help="How many days before another must have bought it.")] = 180,
    rounds: Annotated[int, typer.Option("--rounds", min=19, help="How often chance is simulated.")] = 199,
    seed: Annotated[int, typer.Option("--seed", help="Of the simulation: the same seed gives the same figures.")] = 1,
    as_of: AsOf = None,
    limit: _Limit = 10,
    as_json: Json = False,
) -> None:
    """Tell whether buyers of a product follow buyers on the same transformer more often than chance has it (邻里带动).

    Example: `gridlens graph influence PR06 --days 180`
    """
    from gridlens.pipelines.graph_queries import Chance, influence_of

    with session(settings) as spark:
        result = influence_of(spark, settings, product, limit=limit, chance=Chance(days, rounds, seed), as_of=as_of)
    print_result("Influence", result, as_json=as_json)
