"""The probabilities that the province drew purchases with, as the benchmark puts them together."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gridlens.models.labels import Window

from bench.planted import Planted, bought

ACCOUNTS = "account_id,archetype,district_kind\nA,restaurant,rural\nB,restaurant,rural\nC,restaurant,old_quarter\nD,office,rural\n"
PURCHASES = "account_id,product_id,monthly_probability,month_bought\nA,PR12,0.1,\nB,PR12,0.3,4\nC,PR12,0.2,\nC,PR14,0.5,\nC,PR01,0.9,\n"


def test_by_kind_is_the_mean_of_customers_alike(tmp_path: Path) -> None:
    truth = tmp_path / "sample" / "truth"
    truth.mkdir(parents=True)
    (truth / "account-0.csv").write_text(ACCOUNTS)
    (truth / "purchase-0.csv").write_text(PURCHASES)
    label: Any = SimpleNamespace(definition=SimpleNamespace(label=SimpleNamespace(arguments={"categories": ("substitution",)})))
    day = dt.date(2025, 9, 30)
    found = bought(Planted(tmp_path, label, Window(day, 3, 87, day), lambda: None))  # type: ignore[arg-type,return-value]

    months = 87 / (365.25 / 12)
    a, b = (1 - (1 - p) ** months for p in (0.1, 0.3))
    c = 1 - ((1 - 0.2) * (1 - 0.5)) ** months
    assert found["planted"].to_dict() == pytest.approx({"A": a, "B": b, "C": c, "D": 0.0})
    assert found["by_kind"].to_dict() == pytest.approx({"A": (a + b) / 2, "B": (a + b) / 2, "C": c, "D": 0.0})
