"""What inspectors find (用电检查)."""

from __future__ import annotations

from pydantic import Field as ModelField
from pydantic import field_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_contact import NO_FINDING
from gridlens.contracts.codes import INSPECTION_FINDINGS
from gridlens.errors import nearest
from gridlens.models.labels.label import Arguments, Facts, LabelFunction, Window
from gridlens.tables import Field

NOBODY = "no_access"
WRONG = tuple(finding for finding in INSPECTION_FINDINGS if finding not in NO_FINDING)


class InspectionFound(Arguments):
    """Which findings count."""

    findings: tuple[str, ...] = ModelField(default=WRONG, min_length=1)

    @field_validator("findings")
    @classmethod
    def _known(cls, findings: tuple[str, ...]) -> tuple[str, ...]:
        for name in findings:
            if name not in WRONG:
                hint = nearest(name, WRONG, f"expected one of {', '.join(WRONG)}")
                raise ValueError(f"{name} is nothing that an inspection finds wrong; {hint}")
        return findings


def inspection_found(facts: Facts, window: Window, arguments: InspectionFound) -> DataFrame:
    """1 where an inspection in the window found one of ``findings`` at a point of the account.

    Only accounts that were inspected have a row, and not those where nobody was met: what was not looked at is not known.
    A point counts for the account that it supplied on the day of the visit.
    """
    looked = facts["inspection"].where(window.holds("inspected_on") & (F.col("finding") != NOBODY))
    visits = looked.select("inspection_id", "metering_point_id", "inspected_on", "finding", "recovered_kwh")
    points = facts["metering_point"].select("metering_point_id", "account_id", "valid_from", "known_from")
    held = visits.join(points, on="metering_point_id", how="inner").where(F.col("valid_from") <= F.col("inspected_on"))
    newest = F.struct("valid_from", "known_from")
    at_visit = held.groupBy("inspection_id", "finding", "recovered_kwh").agg(F.max_by("account_id", newest).alias("account_id"))
    accounts = at_visit.groupBy("account_id").agg(
        F.max(F.col("finding").isin(*arguments.findings).cast("int")).alias("label"),
        F.coalesce(F.sum("recovered_kwh").cast("double"), F.lit(0.0)).alias("recovered_kwh"),
    )
    return accounts.select("account_id", "label", "recovered_kwh")


INSPECTION_FOUND = LabelFunction(
    "inspection_found",
    InspectionFound,
    ("inspection", "metering_point"),
    (Field("recovered_kwh", "double", "Energy that these inspections recovered", unit="kWh"),),
    inspection_found,
)
