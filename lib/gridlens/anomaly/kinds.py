"""What kind of abnormal usage the evidence of a change looks like."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from gridlens.contracts.anomaly import KIND_NAMES

# What a kind looks like; set by eye on the planted faults of a province (2026-11), not fitted.
ZERO_DAYS = 0.85
SAME_DAYS = 0.5
CAPPED_DAYS = 0.12
VACANT_SIZE = 0.25
LIVED_IN = 3.0
MORE = 1.6
LESS = 0.93
THREE_PHASE = ((0.29, 0.38), (0.62, 0.72))
WHOLE = 0.7
SOME_DAYS = (0.12, 0.9)
CLEAR_PARTS = 25.0
TURNED = 0.3
SAME_ENERGY = 0.12
FALLEN_PARTS = (0.1, 0.9)


def lived_in() -> Column:
    """True for an empty home that is lived in: hardly any energy before the change, a multiple since. From FEATURES of one account."""
    return (F.col("size") < VACANT_SIZE) & (F.col("ratio") > LIVED_IN)


def kind_of() -> Column:
    """The kind, from FEATURES of one account and ``phases`` (null where not known)."""
    ratio, low = F.col("ratio"), F.col("low_after")
    steady = F.col("variation_after") < 1.5 * F.col("variation_before") + 0.1
    whole_days = F.col("highest_after") > WHOLE * F.col("highest_before")
    parts = F.col("hours_joint") > CLEAR_PARTS
    some_hours = parts & F.col("hours_fallen").between(*FALLEN_PARTS) & (F.col("hours_level") < -SAME_ENERGY)
    backwards = parts & (F.col("hours_turned") > F.col("hours_alike") + TURNED) & (F.abs("hours_level") < SAME_ENERGY)
    some_days = low.between(*SOME_DAYS) & (low > 2 * F.col("low_before") + 0.05) & whole_days
    thirds = [ratio.between(*span) for span in THREE_PHASE]
    tests: dict[str, Column] = {
        "meter_stop": F.col("zero_after") >= ZERO_DAYS,
        "constant_reading": F.col("constant_after") >= SAME_DAYS,
        "vacant_drawing": (F.col("size") < VACANT_SIZE) & (ratio > MORE),
        "reselling": ratio > MORE,
        "phase_loss": (F.col("phases") == 3) & (thirds[0] | thirds[1]) & steady,
        "day_turned": backwards,
        "bypass_at_times": some_hours | some_days,
        "constant_cap": (F.col("at_cap_after") >= CAPPED_DAYS) & (F.col("at_cap_after") > 2 * F.col("at_cap_before")),
        "under_recording": ratio < LESS,
    }
    kind = F.lit("irregular")
    for name in reversed(KIND_NAMES):
        kind = F.when(tests[name], F.lit(name)).otherwise(kind) if name in tests else kind
    return kind
