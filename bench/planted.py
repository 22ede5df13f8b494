"""Models against the probabilities that the province drew with: ``python -m bench.planted --province DIR``, DIR the root_dir of a finished
run.

For each model whose label the generator draws, one line of JSON: the AUC of the newest version on its own test rows (the newest moment,
which it has not been fitted on), and that of the planted probability on the same rows; the value is their difference, to be at least
-0.02, with DeLong's interval in the detail. The planted probability knows what no job can read (money trouble, thrift, hazards), but not
the draw: it is the best a model could do where nothing shows what is about to happen. Before a customer leaves the province plants signs,
so churn can be told better than by the hazard. Money trouble shows a month before in the day on which bills are paid in time, and in
payments in parts; what is drawn of a bill to come does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from gridlens.contracts.silver import SILVER
from gridlens.models.compare import compare
from gridlens.models.figures import Comparison
from gridlens.models.labels import Window
from gridlens.models.library import Model
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.tag_state import required_features
from gridlens.pipelines.training_set import training_set
from gridlens.samples.archetypes import HOUSEHOLDS, INDEX
from gridlens.samples.catalogue import PRODUCTS
from gridlens.samples.life import CAUSES
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.tracking import Store, Version
from gridlens.warehouse import Warehouse
from pyspark.sql import functions as F

from bench.faults import truth
from bench.measure import Figure, printed
from bench.payment_filter import told_by_payments

GOAL = -0.02
ENDS = {"moving": 12, "shutdown": 12, "relocation": 12}
"""Days from the departure to the account's end, where it ends (samples/life.py)."""
PLAN_ENDS, PLAN_FROM, PLAN_WITHIN = 0.22, 60, 500
"""Share of subscriptions that end by themselves, and the days after the purchase in which they do, each as likely (samples/sales.py)."""
MONTH = 365.25 / 12
DAYS = 28
"""A month's departures fall on its first days, each as likely (samples/life.py)."""


@dataclass(frozen=True)
class Planted:
    """What the probabilities of one model are made from: the province's truth, the label's window, and the bills due before its end."""

    root: Path
    model: Model
    window: Window
    bills: Callable[[], pd.DataFrame]

    def table(self, name: str, *numbers: str) -> pd.DataFrame:
        rows = truth(self.root, name)
        return rows.assign(**{column: rows[column].astype(float) for column in numbers})


def unpaid(of: Planted) -> pd.DataFrame:
    """Probability that one of the bills due in the window is unpaid ``days`` after (samples/payments.py).

    ``foreseen`` is the same without the shock of money trouble in the month after T (samples/life.py), of which nothing but the account's
    last payments tells. ``told`` is what these payments tell of habit and trouble, which no source holds, by how late a bill was paid and
    on which day in time (bench/payment_filter.py); payments in parts tell more.
    """
    account = of.table("account", "vulnerable", "growth")
    every = of.bills().merge(of.table("bill", "p_late", "late_days"), on="bill_id").merge(account, on="account_id")
    bills = _due(of, every)
    at_rest = (
        1.5 * (bills["vulnerable"] - 0.35) + 1.3 * (bills["payer"] == "strained") - 0.35 * (3 * bills["growth"]).clip(-1, 1)
    )  # the level that trouble returns to
    expected = np.where(bills["earlier"].notna(), at_rest + 0.85 * (bills["earlier"] - at_rest), bills["distress"])
    late = bills["p_late"].clip(1e-9, 1 - 1e-9)
    foreseen = 1 / (1 + np.exp(1.1 * (bills["distress"] - expected)) * (1 - late) / late)
    days = of.model.definition.label.arguments["days"]
    chances = {}
    for name, trouble, p_late in (("planted", bills["distress"], late), ("foreseen", pd.Series(expected, bills.index), foreseen)):
        scale = 5 + 9 * trouble.clip(lower=0) + 14 * (bills["payer"] == "strained") + 25 * bills["leaving"]
        chances[name] = 1 - (1 - p_late * np.exp(-days / scale)).groupby(bills["account_id"]).prod()
    seen = every[every["p_late"] > 0]  # not what is drawn from a prepaid balance
    homes = HOUSEHOLDS[[INDEX[archetype] for archetype in seen["archetype"]]]
    accounts = seen.assign(household=homes).drop_duplicates("account_id")
    chances["told"] = told_by_payments(accounts, seen, as_of=of.window.as_of, days=days)
    return pd.DataFrame(chances).dropna(subset="planted")


def _due(of: Planted, every: pd.DataFrame) -> pd.DataFrame:
    """The bills due in the window with their account, its trouble in the month that counts for them, and ``earlier`` in the month of T."""
    bills = every[every["due_on"] > pd.Timestamp(of.window.begin)].copy()
    hazard = of.table("hazard", "distress")[["account_id", "month", "distress"]]
    counts = pd.to_datetime(bills["bill_id"].str[-6:], format="%Y%m") + pd.offsets.MonthBegin(1)
    bills["month"] = counts.clip(upper=pd.Timestamp(hazard["month"].max())).dt.strftime("%Y-%m-%d")
    bills = bills.merge(hazard, on=["account_id", "month"])
    at_t = hazard[hazard["month"] == of.window.as_of.strftime("%Y-%m-01")].set_index("account_id")["distress"]
    following = bills["month"] == (pd.Timestamp(of.window.as_of) + pd.Timedelta(days=1)).strftime("%Y-%m-01")
    gone = pd.to_datetime(bills["churn_day"]) < pd.to_datetime(bills["due_on"])
    earlier = bills["account_id"].map(at_t).where(following)
    return bills.assign(earlier=earlier, leaving=gone & bills["churn_cause"].isin(list(ENDS)))


def lost(of: Planted) -> pd.DataFrame:
    """Probability of leaving in the window by a cause that the company sees, or of a plan's end."""
    hazard = of.table("hazard", *[f"p_{cause}" for cause in CAUSES])
    owner = _plans(of)
    stays = pd.Series(1.0, index=hazard.index)
    month = pd.to_datetime(hazard["month"])
    for cause in CAUSES:
        later = pd.Timedelta(days=ENDS.get(cause, 0))
        first = (pd.Timestamp(of.window.begin) + pd.Timedelta(days=1) - later - month).dt.days.clip(0, DAYS)
        last = (pd.Timestamp(of.window.end) - later - month).dt.days.clip(-1, DAYS - 1)
        seen = hazard["account_id"].isin(owner.index) if cause == "retail_switch" else 1
        stays *= 1 - hazard[f"p_{cause}"] * seen * (last - first + 1).clip(lower=0) / DAYS
    by_account = stays.groupby(hazard["account_id"]).prod()
    return (1 - by_account * (1 - owner.reindex(by_account.index).fillna(0.0))).to_frame("planted")


def _plans(of: Planted) -> pd.Series:
    """Owners of a plan at T, with the probability that it ends by itself in the window."""
    rows = _of_categories(of, "plans").dropna(subset="month_bought")
    start = pd.Timestamp(truth(of.root, "hazard")["month"].min())
    days = [start + pd.DateOffset(months=month, days=DAYS // 2) for month in rows["month_bought"].astype(int)]
    age = np.array([(pd.Timestamp(of.window.begin) - day).days for day in days])
    begin, end = PLAN_FROM, PLAN_FROM + PLAN_WITHIN
    share = (np.clip(age + of.window.horizon_days, begin, end) - np.clip(age, begin, end)) / PLAN_WITHIN
    return pd.Series(PLAN_ENDS * share, index=rows["account_id"].to_numpy())[age > 0].groupby(level=0).max()


def bought(of: Planted) -> pd.DataFrame:
    """Probability of buying one of the label's products in the window.

    ``by_kind`` is its mean over the customers of one archetype and kind of district: what remains without the traits of the account
    itself, such as the fuel that it burns, of which surveys alone hold a sign.
    """
    rows = _of_categories(of, "categories")
    stays = (1 - rows["monthly_probability"].astype(float)) ** (of.window.horizon_days / MONTH)
    account = of.table("account").set_index("account_id")
    planted = (1 - stays.groupby(rows["account_id"]).prod()).reindex(account.index).fillna(0.0)
    by_kind = planted.groupby([account["archetype"], account["district_kind"]]).transform("mean")
    return pd.DataFrame({"planted": planted, "by_kind": by_kind})


def _of_categories(of: Planted, argument: str) -> pd.DataFrame:
    """The truth of the products in the categories that an argument of the label names."""
    named = of.model.definition.label.arguments[argument]
    rows = truth(of.root, "purchase")
    return rows[rows["product_id"].isin([product.code for product in PRODUCTS if product.category in named])]


DRAWN: Mapping[str, Callable[[Planted], pd.DataFrame]] = {"bill_unpaid": unpaid, "account_left": lost, "product_bought": bought}
"""Label function to the probabilities that the province drew with, by account_id."""


def compare_all(root: Path, only: Sequence[str]) -> Iterator[Figure]:
    """A figure a model that has a version."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    spark = get_spark(settings, name="gridlens-planted")
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    moment = required_features(warehouse, None, None)
    for model in model_library(settings):
        versions = store.versions(model.id)
        if model.definition.label.function not in DRAWN or not versions or (only and model.id not in only):
            continue
        version = max(versions, key=lambda one: one.version)
        data = training_set(spark, settings, warehouse, model, as_of=moment.as_of, known_at=moment.known_at, say=_quiet)
        label = model.definition.label
        window = Window(max(one.as_of for one in data.facts.moments), label.gap_days, label.horizon_days, moment.as_of)
        drawn = DRAWN[label.function](Planted(root, model, window, partial(_bills, warehouse, window)))
        known = spark.createDataFrame(drawn.rename_axis("account_id").reset_index())
        scored = store.load(model.id, version.version).model.transform(data.test).select("account_id", "label", "prediction")
        both = scored.join(known, on="account_id", how="left").fillna(0.0, subset=list(drawn)).persist()
        told = {name: compare(both, other=name, capacity=model.definition.capacity) for name in drawn}
        yield _figure(version, window, told)
        both.unpersist()
        data.release()


def _figure(version: Version, window: Window, told: Mapping[str, Comparison]) -> Figure:
    against = told["planted"]
    detail = {
        "as_of": str(window.as_of),
        "decision": version.decision,
        "rows": against.rows,
        "positives": against.positives,
        "roc_auc": round(against.roc_auc, 4),
        **{f"{name}_roc_auc": round(one.other_roc_auc, 4) for name, one in told.items()},
        "interval": [round(against.low, 4), round(against.high, 4)],
    }
    return Figure(f"planted_{version.model}", round(against.difference, 4), "ROC-AUC", GOAL, against.difference >= GOAL, detail)


def _bills(warehouse: Warehouse, window: Window) -> pd.DataFrame:
    """account_id, bill_id, due_on, amount of the bills that fall due before the window ends."""
    rows = warehouse.read(SILVER["bill"]).where(F.col("due_on") <= F.lit(window.end))
    bills = rows.select("account_id", "bill_id", "due_on", F.col("amount").cast("double")).dropDuplicates(["bill_id"]).toPandas()
    return bills.assign(due_on=pd.to_datetime(bills["due_on"]))


def _quiet(_: str) -> None:
    """Nothing is said: the output is lines of JSON."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where every figure reached its goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.planted", description=__doc__)
    parser.add_argument("--province", type=Path, required=True)
    parser.add_argument("--model", action="append", default=[], help="id of a model; default all that have a version")
    given = parser.parse_args(arguments)
    return 1 if printed(compare_all(given.province, given.model)) else 0


if __name__ == "__main__":
    sys.exit(main())
