"""How tags compare with the province's hidden truth: ``python -m bench.truth --province DIR``, DIR the root_dir of a finished run.

Prints precision and recall of each tag that speaks of something the generator knows, over the accounts that are open.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.tag import TAG_CURRENT
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse

KNOWN = ("category", "billing_kind", "is_open", "owns_substitution")


def _archetype(*names: str) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda rows: rows["archetype"].isin(names)


def _postpaid(payer: str) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda rows: (rows["payer"] == payer) & (rows["billing_kind"] == "postpaid")


TRUTH: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = {
    "electric_heating_household": _archetype("electric_heating"),
    "air_conditioning_household": _archetype("air_conditioning"),
    "vacant_dwelling": _archetype("vacant"),
    "ev_charging_at_home": _archetype("ev_household"),
    "rooftop_pv_likely": lambda rows: rows["pv_from"] <= str(rows["as_of"].iloc[0]),
    "cold_storage_load": _archetype("cold_storage"),
    "night_heavy_user": _archetype("night_owl", "ev_household", "street_light"),
    "holiday_idle_factory": _archetype("factory_one_shift", "factory_two_shift"),
    "office_hours_business": _archetype("office"),
    "academic_calendar_load": _archetype("school"),
    "tariff_misuse_suspected": lambda rows: rows["tariff_misuse"] == "1",
    "habitual_late_payer": _postpaid("habitual_late"),
    "financially_strained": _postpaid("strained"),
    "fuel_to_electric_candidate": lambda rows: (rows["fuel"] != "none") & ~rows["owns_substitution"],
}
"""Tag to the accounts of which it speaks."""


def compare(root: Path) -> pd.DataFrame:
    """Tag, accounts with it, accounts that are it, precision and recall."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    spark = get_spark(settings, name="gridlens-truth")
    warehouse = Warehouse(spark, settings)
    tags = warehouse.read(TAG_CURRENT).select("account_id", "as_of", "known_at", *TRUTH)
    known = warehouse.read(ACCOUNT_FEATURE).select("account_id", "as_of", "known_at", *KNOWN).where("is_open")
    rows = tags.join(known, on=["account_id", "as_of", "known_at"], how="inner").drop("known_at").toPandas()
    files = sorted((root / "sample" / "truth").glob("account-*.csv"))
    truth = pd.concat([pd.read_csv(file, dtype=str) for file in files], ignore_index=True)
    both = rows.merge(truth, on="account_id", how="inner")
    lines = []
    for tag, of in TRUTH.items():
        has, is_it = both[tag].eq(True), of(both).eq(True)  # neither where it is not known
        hits = int((has & is_it).sum())
        lines.append(
            {
                "tag": tag,
                "with it": int(has.sum()),
                "are it": int(is_it.sum()),
                "precision": round(hits / max(int(has.sum()), 1), 3),
                "recall": round(hits / max(int(is_it.sum()), 1), 3),
            }
        )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.truth", description=__doc__)
    parser.add_argument("--province", type=Path, required=True)
    print(compare(parser.parse_args().province).to_string(index=False))
