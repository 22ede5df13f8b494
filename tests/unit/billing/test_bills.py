"""Bills worked by hand, and bills of any input against Decimal arithmetic."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gridlens.billing.book import load_tariffs
from gridlens.billing.engine import BillInputs, bill_batch, bill_items, tier_split, year_to_date_before
from gridlens.billing.lines import KINDS
from gridlens.billing.money import charge_fen, divide_half_up
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.errors import ContractError, DefinitionError
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[3]
SCENARIOS = ROOT / "tests/scenarios/billing"
BOOK = load_tariffs(ROOT / "conf/tariffs")
CENT = Decimal("0.01")


def month(text: str) -> np.ndarray:
    return np.array([text], dtype="datetime64[M]")


@pytest.fixture(scope="module")
def worked() -> tuple[pd.DataFrame, pd.DataFrame]:
    """(items, bills) of the scenario's given_bills.csv as the engine bills them."""
    rows = pd.read_csv(SCENARIOS / "given_bills.csv", dtype={"month": str})
    months = rows["month"].to_numpy().astype("datetime64[M]")
    kwh = rows[list(TARIFF_PERIODS)].to_numpy(dtype=float)
    inputs = BillInputs.of(
        kwh,
        days=rows["days"].to_numpy(),
        year_to_date_kwh=year_to_date_before(rows["account"].to_numpy(), months, kwh.sum(axis=1)),
        adjustment_fen=(rows["adjustment"] * 100).round().astype(int).to_numpy(),
        **{name: rows[name].to_numpy(dtype=float) for name in ("capacity_kva", "max_demand_kw", "reactive_kvarh", "export_kwh")},
    )
    items = bill_batch(load_tariffs(SCENARIOS / "tariffs"), rows["tariff_id"].to_numpy(), months, inputs)
    table = items.to_arrow().to_pandas()
    table.insert(0, "bill", rows["bill"].to_numpy()[table.pop("bill_index")])
    amounts = [Decimal(int(fen)).scaleb(-2) for fen in items.totals_fen()]
    return table, pd.DataFrame({"bill": rows["bill"], "amount": amounts})


BILLS = pd.read_csv(SCENARIOS / "given_bills.csv")


@pytest.mark.parametrize("bill", BILLS["bill"], ids=[f"{b}: {c}" for b, c in zip(BILLS["bill"], BILLS["comment"], strict=True)])
def test_a_bill_worked_by_hand(worked: tuple[pd.DataFrame, pd.DataFrame], bill: str) -> None:
    items, bills = worked
    expected = pd.read_csv(SCENARIOS / "then_items.csv", dtype=str).query("bill == @bill").fillna("None")
    actual = items[items["bill"] == bill].astype(str)
    assert actual.to_dict("records") == expected.to_dict("records")
    amount = pd.read_csv(SCENARIOS / "then_bills.csv", dtype=str).set_index("bill").loc[bill, "amount"]
    assert str(bills.set_index("bill").loc[bill, "amount"]) == amount


milli = st.integers(0, 10**9).map(lambda n: n / 1000)


@settings(max_examples=50, deadline=None)
@given(
    tariff_id=st.sampled_from(sorted(BOOK.tariffs)),
    when=st.dates(pd.Timestamp("2023-01-01").date(), pd.Timestamp("2027-12-31").date()),
    kwh=st.lists(st.lists(milli, min_size=5, max_size=5), min_size=1, max_size=6),
    data=st.data(),
)
def test_items_of_any_bill_are_exact_and_add_up(tariff_id: str, when: object, kwh: list, data: st.DataObject) -> None:
    rates = BOOK.rates(tariff_id, when)
    energy = np.array(kwh) * (rates.period_prices >= 0)

    def column(values: st.SearchStrategy) -> np.ndarray:
        return np.array(data.draw(st.lists(values, min_size=len(kwh), max_size=len(kwh))))

    inputs = BillInputs.of(
        energy,
        days=column(st.integers(1, rates.days)),
        year_to_date_kwh=column(milli),
        capacity_kva=column(st.integers(0, 10**5)),
        max_demand_kw=column(milli),
        reactive_kvarh=column(st.one_of(milli, st.just(float("nan")))),
        export_kwh=column(milli),
        adjustment_fen=column(st.integers(-(10**6), 10**6)),
        tier_months=column(st.integers(1, 12)),
    )
    items = bill_items(rates, inputs)
    table = items.to_arrow().to_pandas()
    priced = table[table["price"].notna()]
    assert [(q * p).quantize(CENT, ROUND_HALF_UP) for q, p in zip(priced["quantity"], priced["price"], strict=True)] == list(
        priced["charge"]
    )
    sums = table.groupby("bill_index")["charge"].sum().reindex(range(len(kwh)), fill_value=Decimal(0))
    assert [Decimal(int(t)).scaleb(-2) for t in items.totals_fen()] == list(sums)
    energy_kinds = (
        [f"energy_{p}" for p in TARIFF_PERIODS]
        if rates.time_of_use
        else ["energy_tier_1", "energy_tier_2", "energy_tier_3", "energy_total"]
    )
    billed = table[table["kind"].isin(energy_kinds)].groupby("bill_index")["quantity"].sum()
    assert [float(q) for q in billed] == pytest.approx(energy.sum(axis=1), abs=1e-6)
    assert list(table["item_no"]) == list(table.groupby("bill_index").cumcount() + 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(-90_000_000_000 + 1, 90_000_000_000 - 1)), min_size=1))
def test_charges_equal_decimal_arithmetic(pairs: list[tuple[int, int]]) -> None:
    quantity, price = np.array(pairs, dtype=np.int64).T
    expected = [int((Decimal(q) * Decimal(p)).scaleb(-9).to_integral_value(ROUND_HALF_UP)) for q, p in pairs]
    assert charge_fen(quantity, price).tolist() == expected


@pytest.mark.parametrize("denominator", [30, 7])
def test_division_rounds_half_away_from_zero(denominator: int) -> None:
    numerators = np.arange(-200, 200)
    expected = [int((Decimal(int(n)) / denominator).to_integral_value(ROUND_HALF_UP)) for n in numerators]
    assert divide_half_up(numerators, denominator).tolist() == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 12)), min_size=1))
def test_tiers_equal_a_count_kwh_by_kwh(bills: list[tuple[int, int, int]]) -> None:
    before, total, months = np.array(bills).T
    split = np.stack(tier_split(before, total, (2760, 4800), months), axis=1)
    for (start, used, spread), parts in zip(bills, split, strict=True):
        units = np.arange(start, start + used)
        first, second = 2760 * spread // 12, 4800 * spread // 12
        assert parts.tolist() == [
            int((units < first).sum()),
            int(((units >= first) & (units < second)).sum()),
            int((units >= second).sum()),
        ]


def test_year_to_date_counts_earlier_months_of_the_same_account_and_year() -> None:
    rng = np.random.default_rng(3)
    months = pd.date_range("2023-11-01", "2025-03-01", freq="MS")
    frame = pd.DataFrame([(a, m, rng.integers(0, 500_000) / 1000) for a in "XYZ" for m in months], columns=["a", "m", "k"])
    frame = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    expected = [frame[(frame.a == r.a) & (frame.m.dt.year == r.m.year) & (frame.m < r.m)].k.sum() for r in frame.itertuples()]
    got = year_to_date_before(frame["a"].to_numpy(), frame["m"].to_numpy().astype("datetime64[M]"), frame["k"].to_numpy())
    assert got == pytest.approx(np.array(expected), abs=1e-9)
    assert len(year_to_date_before(np.array([]), month("2024-01")[:0], np.array([]))) == 0


def test_a_batch_gives_each_bill_what_it_gets_alone() -> None:
    rng = np.random.default_rng(7)
    bills = 200
    tariff_ids = rng.choice(sorted(BOOK.tariffs), bills)
    months = np.datetime64("2023-01") + rng.integers(0, 60, bills)
    rates = [BOOK.rates(name, month.item()) for name, month in zip(tariff_ids, months, strict=True)]
    kwh = rng.integers(0, 10**6, (bills, 5)) / 1000
    for row in range(bills):
        kwh[row] *= rates[row].period_prices >= 0
    inputs = BillInputs.of(kwh, days=28, capacity_kva=rng.integers(0, 500, bills), reactive_kvarh=rng.uniform(0, 900, bills))
    together = bill_batch(BOOK, tariff_ids, months, inputs)
    alone = [bill_items(rates[i], inputs.take(np.array([i]))) for i in range(bills)]
    assert together.totals_fen().tolist() == [int(part.totals_fen()[0]) for part in alone]
    assert together.kind.tolist() == np.concatenate([part.kind for part in alone]).tolist()
    assert together.bill_index.tolist() == [i for i, part in enumerate(alone) for _ in part.kind]


def test_no_bills_give_no_items() -> None:
    inputs = BillInputs.of(np.zeros((0, 5)), days=30)
    assert bill_batch(BOOK, [], month("2024-01")[:0], inputs).to_arrow().num_rows == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kwh": [[0, 0, np.nan, 0, 0]]}, "bill 0: kwh is nan"),
        ({"kwh": [[0, 0, -1, 0, 0]]}, "bill 0: kwh is -1"),
        ({"kwh": [[3.2, 0, 0, 0, 0]]}, "3.2 kWh in period sharp, which tariff commercial_tou, 2024-06, does not have"),
        ({"kwh": [[1, 2]]}, r"expected \(bills, 5\)"),
        ({"days": 31}, "days is 31, expected 1 to 30"),
        ({"tier_months": 0}, "tier_months is 0"),
        ({"days": np.nan}, "days is nan"),
        ({"colour": 1}, "bill inputs colour are unknown"),
    ],
)
def test_a_wrong_input_is_named(changes: dict, sentence: str) -> None:
    arguments = {"kwh": [[0, 1, 0, 0, 0]], "days": 30, **changes}
    rates = BOOK.rates("commercial_tou", pd.Timestamp("2024-06-01").date())
    kwh = np.array(arguments.pop("kwh"), dtype=float)
    with pytest.raises(ContractError, match=sentence):
        bill_items(rates, BillInputs.of(kwh, **arguments))


def test_a_month_without_a_purchase_price_or_version_is_named_with_its_file() -> None:
    with pytest.raises(DefinitionError, match=r"agent_purchase\.yml line \d+: agent_purchase has no price for 2028-01"):
        BOOK.rates("commercial_tou", pd.Timestamp("2028-01-15").date())
    with pytest.raises(DefinitionError, match=r"agricultural\.yml line \d+: tariff agricultural begins on 2023-01-01"):
        BOOK.rates("agricultural", pd.Timestamp("2022-12-31").date())
    with pytest.raises(DefinitionError, match="tariff nothing is not defined"):
        BOOK.rates("nothing", pd.Timestamp("2024-01-01").date())


def test_the_scenarios_reach_every_kind_but_deep_valley(worked: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert set(KINDS) - set(worked[0]["kind"]) == {"energy_deep_valley"}
