"""Commands about segments: compute them, list the definitions, show what segments are like, large and small customers."""

from __future__ import annotations

from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import SegmentOptions
from gridlens.reports.console import print_json, print_result, print_summary, print_table, say
from gridlens.settings import Settings

segments_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Segments: compute, list, show; large and small customers."
)
_Limit = Annotated[int, typer.Option("--limit", min=1, help="Rows shown.")]


@segments_app.command("run")
@with_settings
def segments_run(
    settings: Settings,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    refit: Annotated[bool, typer.Option("--refit", help="Fit every model anew instead of keeping it while it fits.")] = False,
    as_json: Json = False,
) -> None:
    """Compute the segments from the newest account features.

    Example: `gridlens segments run`, or with new models: `gridlens segments run --refit`
    """
    from gridlens.pipelines.segments import run_segments, segment_definitions

    definitions = segment_definitions(settings)  # a mistake in a definition is told before Spark starts
    with session(settings) as spark:
        result = run_segments(spark, settings, SegmentOptions(as_of, known_at, refit), definitions=definitions, say=say)
    print_result("Segments", result, as_json=as_json)


@segments_app.command("list")
@with_settings
def segments_list(settings: Settings, as_json: Json = False) -> None:
    """List the segmentations that are defined.

    Example: `gridlens segments list`
    """
    from gridlens.pipelines.segments import list_segmentations, segment_definitions

    rows = list_segmentations(segment_definitions(settings).segmentations)
    print_json(rows) if as_json else print_table(rows)


@segments_app.command("show")
@with_settings
def segments_show(
    settings: Settings,
    segmentation: Annotated[str, typer.Argument(metavar="SEGMENTATION", help="Id, as `gridlens segments list` shows it.")],
    as_json: Json = False,
) -> None:
    """Show the segments of a segmentation as they stand: name, size, what sets each apart, typical customer.

    Example: `gridlens segments show load_shape`
    """
    from gridlens.pipelines.segment_reads import show_segmentation
    from gridlens.pipelines.segments import segment_definitions

    segment_definitions(settings).require(segmentation)  # a mistyped name is told before Spark starts
    with session(settings, brief=True) as spark:
        facts, rows = show_segmentation(spark, settings, segmentation)
    if as_json:
        print_json({"segmentation": facts, "segments": rows})
    else:
        print_summary(segmentation, facts)
        print_table(rows)


@segments_app.command("large")
@with_settings
def segments_large(
    settings: Settings,
    limit: _Limit = 20,
    high_quality: Annotated[bool, typer.Option("--high-quality", help="Only those of high quality.")] = False,
    as_json: Json = False,
) -> None:
    """Show the large customers (优质大客户) by rank, with the reason.

    Example: `gridlens segments large --limit 10 --high-quality`
    """
    from gridlens.pipelines.segment_reads import show_large

    with session(settings) as spark:
        rows = show_large(spark, settings, limit=limit, high_quality=high_quality)
    print_json(rows) if as_json else print_table(rows)


@segments_app.command("small")
@with_settings
def segments_small(
    settings: Settings,
    by: Annotated[str, typer.Option("--by", help="What to count by, of industry, stage, rhythm, need; several with commas.")] = "industry",
    limit: _Limit = 50,
    as_json: Json = False,
) -> None:
    """Count the small and micro customers (小微客户) by industry, stage, rhythm or need.

    Example: `gridlens segments small --by industry,need`
    """
    from gridlens.pipelines.segment_reads import dimensions, show_small

    wanted = dimensions(by)
    with session(settings) as spark:
        rows = show_small(spark, settings, wanted, limit=limit)
    print_json(rows) if as_json else print_table(rows)
