"""The command that shows one customer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.reports.console import print_json, print_text, step
from gridlens.settings import Settings

profile_app = typer.Typer()


@profile_app.command()
@with_settings
def profile(
    settings: Settings,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account id (户号).")],
    html: Annotated[Path | None, typer.Option("--html", help="Write a self-contained page to this file.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: Json = False,
) -> None:
    """Show the whole picture of a customer: identity (masked), tags, load, money, contacts, events, neighbours.

    Example: `gridlens profile 9900000042 --html customer.html`
    """
    from gridlens.pipelines.declared import tag_library
    from gridlens.pipelines.profile import profile_of
    from gridlens.reports.profile_console import print_profile
    from gridlens.reports.profile_page import write_page

    library = tag_library(settings)  # a mistake in a definition is told before Spark starts
    with session(settings, brief=True) as spark, step(f"Reading account {account}"):
        picture = profile_of(spark, settings, account, as_of=as_of, known_at=known_at, library=library)
    if html:
        write_page(picture, html)
    if as_json:
        print_json(picture)
    elif html:
        print_text(f"wrote {html}")
    else:
        print_profile(picture)
