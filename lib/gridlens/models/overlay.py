"""Qualitative factors on top of a scorecard: decisions by people, with reason, author and expiry, from a CSV file, applied by rule."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.credit import CREDIT_OVERLAY
from gridlens.errors import SourceError, nearest
from gridlens.models.scorecard_definition import OverlayDefinition

_TOLD = ("overlay_id", "factor", "reason", "author")
_SCOPES = ("account_id", "industry_code")
_DAYS = ("decided_on", "expires_on")
COLUMNS = (*_TOLD, *_SCOPES, *_DAYS, "withdrawn")
"""Of the CSV file; one of account_id and industry_code is filled, withdrawn is true or empty."""
_SHOWN = ("overlay_id", "factor", "reason", "author", "decided_on", "expires_on")


def read_overlays(path: Path, definition: OverlayDefinition, *, known_from: dt.datetime) -> list[tuple[object, ...]]:
    """Rows of credit_overlay_v1 from a CSV file of decisions.

    Args:
        path: the file, UTF-8, with the columns of :data:`COLUMNS`.
        definition: the factors that there are.
        known_from: moment at which the file became known, UTC.

    Raises:
        SourceError: names file, line and column: what is missing, unknown, or contradicts itself.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            absent = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if absent:
                raise SourceError(f"{path}: has no column {', '.join(absent)}; expected {', '.join(COLUMNS)}")
            rows = [(reader.line_num, {name: (row[name] or "").strip() for name in COLUMNS}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as CSV in UTF-8 ({error})") from error
    first: dict[str, int] = {}
    for line, row in rows:
        for sentence in _mistakes(row, definition, first.get(row["overlay_id"])):
            raise SourceError(f"{path} line {line}: {sentence}")
        first[row["overlay_id"]] = line
    return [tuple(_row(row, known_from)[name] for name in CREDIT_OVERLAY.columns) for _, row in rows]


def _row(row: dict[str, str], known_from: dt.datetime) -> dict[str, object]:
    days = {name: dt.date.fromisoformat(row[name]) for name in _DAYS}
    scopes = {name: row[name] or None for name in _SCOPES}
    return {**row, **scopes, **days, "known_from": known_from, "withdrawn": row["withdrawn"] == "true"}


def _mistakes(row: dict[str, str], definition: OverlayDefinition, earlier: int | None) -> Iterator[str]:
    for name in (*_TOLD, *_DAYS):
        if not row[name]:
            yield f"column {name} is empty; every decision needs it"
    if earlier is not None:
        yield f"column overlay_id: {row['overlay_id']} stands on line {earlier} already; keep one"
    for name in _DAYS:
        try:
            dt.date.fromisoformat(row[name])
        except ValueError:
            yield f"column {name}: {row[name]} is no day; write it as 2026-03-31"
    if row["expires_on"] < row["decided_on"]:
        yield f"column expires_on: {row['expires_on']} is before decided_on {row['decided_on']}"
    known = [factor.id for factor in definition.factors]
    if row["factor"] not in known:
        yield f"column factor: {row['factor']} is not defined; {nearest(row['factor'], known, 'expected one of ' + ', '.join(known))}"
    if bool(row["account_id"]) == bool(row["industry_code"]):
        yield "expected exactly one of account_id and industry_code"
    if row["withdrawn"] not in ("", "true", "false"):
        yield f"column withdrawn: expected true, false or nothing, not {row['withdrawn']}"


def in_force(overlays: DataFrame, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """The decisions known at ``known_at`` that count on ``as_of``: the newest version of each, not withdrawn, begun, not expired."""
    rest = [name for name in CREDIT_OVERLAY.columns if name != "overlay_id"]
    seen = overlays.where(F.col("known_from") <= F.lit(known_at))
    newest = seen.groupBy("overlay_id").agg(F.max_by(F.struct(*rest), "known_from").alias("_row"))
    rows = newest.select("overlay_id", *[F.col("_row")[name].alias(name) for name in rest])
    return rows.where(~F.col("withdrawn") & F.lit(as_of).between(F.col("decided_on"), F.col("expires_on")))


def overlays_by_account(accounts: DataFrame, decisions: DataFrame) -> DataFrame:
    """account_id and overlays: of the decisions about an account or its industry the newest of each factor, newest first.

    Args:
        accounts: account_id, industry_code.
        decisions: as of :func:`in_force`.
    """
    shown = [F.col(name) for name in _SHOWN]
    own = decisions.where(F.col("account_id").isNotNull()).select("account_id", *shown)
    about = decisions.where(F.col("industry_code").isNotNull()).select("industry_code", *shown)
    of_industry = accounts.join(F.broadcast(about), on="industry_code", how="inner").select("account_id", *shown)
    newest = F.max_by(F.struct(*shown), F.struct("decided_on", "overlay_id")).alias("overlay")
    each = own.unionByName(of_industry).groupBy("account_id", "factor").agg(newest)
    order = F.struct(F.col("overlay.decided_on"), F.col("overlay.overlay_id"), F.col("overlay"))
    listed = F.sort_array(F.collect_list(order), asc=False)
    return each.groupBy("account_id").agg(F.transform(listed, lambda one: one["overlay"]).alias("overlays"))


def moved_place(place: Column, overlays: Column, definition: OverlayDefinition, grades: Sequence[str]) -> Column:
    """Place of the grade (0 is the best) after the overlays: their moves together, at most ``most``; then the worst of their caps.

    Args:
        place: by the points alone.
        overlays: array of structs with ``factor``; a factor that is not defined any more changes nothing.
        definition: what the factors do.
        grades: best first.
    """

    def effect(values: dict[str, int]) -> Column:
        pairs = [part for name, value in values.items() for part in (F.lit(name), F.lit(value))]
        known = F.create_map(*pairs) if pairs else F.map_from_arrays(F.array().cast("array<string>"), F.array().cast("array<int>"))
        return F.transform(overlays, lambda one: F.coalesce(F.try_element_at(known, one["factor"]), F.lit(0)))

    moves = effect({factor.id: factor.move for factor in definition.factors})
    caps = effect({factor.id: grades.index(factor.at_most) for factor in definition.factors if factor.at_most is not None})
    total = F.aggregate(moves, F.lit(0), lambda sums, one: sums + one)
    bounded = F.greatest(F.least(total, F.lit(definition.most)), F.lit(-definition.most))
    after = F.greatest(F.least(place - bounded, F.lit(len(grades) - 1)), F.lit(0))
    return F.greatest(after, F.coalesce(F.array_max(caps), F.lit(0)))
