"""Credit grades of accounts: the scorecard's, its reasons, and what the qualitative factors make of it."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.credit import CREDIT_GRADE, CREDIT_OVERLAY
from gridlens.errors import SettingsError
from gridlens.models.overlay import in_force, moved_place, overlays_by_account
from gridlens.models.scorecard import Scorecard
from gridlens.models.scorecard_definition import OverlayDefinition
from gridlens.models.woe_sql import points_column, value_column


def reasons(card: Scorecard) -> Column:
    """Of a scored row the characteristics that lost most points: array of (characteristic, group, value, points, lost)."""
    structs = []
    for line in card.lines:
        against = line.best if card.reasons.against == "best" else line.neutral
        lost = F.lit(against) - F.col(points_column(line.id))
        structs.append(
            F.struct(
                (-lost).alias("order"),  # ascending: most lost first, then in the order of the alphabet
                F.lit(line.id).alias("characteristic"),
                F.lit(line.characteristic.group).alias("group"),
                F.col(value_column(line.id)).cast("string").alias("value"),
                F.col(points_column(line.id)).alias("points"),
                lost.alias("lost"),
            )
        )
    lossy = F.filter(F.array(*structs), lambda one: one["lost"] > 0)
    top = F.slice(F.sort_array(lossy), 1, card.reasons.top)
    return F.transform(top, lambda one: one.dropFields("order"))


def grade(
    accounts: DataFrame,
    card: Scorecard,
    overlays: DataFrame,
    definition: OverlayDefinition,
    *,
    version: int,
    as_of: dt.date,
    known_at: dt.datetime,
) -> DataFrame:
    """Rows of credit_grade_v1.

    Args:
        accounts: account_id, industry_code where overlays may be about industries, and the columns of the scorecard; of one moment.
        card: a fitted scorecard with grades.
        overlays: rows of credit_overlay_v1, all versions.
        definition: what the factors do.
        version: of the fitted scorecard in the registry.
        as_of, known_at: of the moment.

    Raises:
        SettingsError: a column that the scorecard reads is not there.
    """
    absent = [name for name in card.columns if name not in accounts.columns]
    if absent:
        raise SettingsError(f"scorecard {card.id} reads {', '.join(absent)}, which the accounts have not; compute their features anew")
    ids = tuple(one.id for one in card.grades)
    industry = F.col("industry_code") if "industry_code" in accounts.columns else F.lit(None).cast("string")
    decisions = in_force(overlays, as_of=as_of, known_at=known_at)
    decided = overlays_by_account(accounts.select("account_id", industry.alias("industry_code")), decisions)
    parts = ("points", "willingness", "ability", "history", "grade", "prediction")
    scored = card.pipeline.transform(accounts).select("account_id", *parts, reasons(card).alias("reasons"))
    rows = scored.join(decided, on="account_id", how="left")
    nothing = F.array().cast(CREDIT_GRADE["overlays"].type)
    place = (F.array_position(F.array(*[F.lit(one) for one in ids]), F.col("grade")) - 1).cast("int")
    rows = rows.withColumns({"overlays": F.coalesce("overlays", nothing), "_place": place})
    rows = rows.withColumn("_after", moved_place(F.col("_place"), F.col("overlays"), definition, ids))
    return rows.select(
        "account_id",
        F.lit(as_of).alias("as_of"),
        F.lit(known_at).alias("known_at"),
        F.lit(card.id).alias("scorecard"),
        F.lit(version).alias("version"),
        F.lit(card.stamp).alias("definition"),
        "points",
        "willingness",
        "ability",
        "history",
        F.col("prediction").alias("pd"),
        F.col("grade").alias("grade_before_overlay"),
        F.get(F.array(*[F.lit(one) for one in ids]), F.col("_after")).alias("grade"),
        (F.col("_place") - F.col("_after")).alias("moved"),
        "overlays",
        "reasons",
    )


def no_overlays(accounts: DataFrame) -> DataFrame:
    """No decision at all. Args: accounts: any frame of the session."""
    return accounts.sparkSession.createDataFrame([], CREDIT_OVERLAY.schema)
