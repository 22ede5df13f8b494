"""Windows, PrefixSpan and the planted path: by Spark, against plain Python."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from itertools import combinations

import pytest
from gridlens.profile.path_measures import Measured, is_subsequence, measured, telling
from gridlens.profile.path_mining import frequent_paths, path_counts
from gridlens.profile.paths import PathSettings, first_outcomes, sequences, windows, with_steps
from pyspark.sql import DataFrame, SparkSession

AS_OF = dt.date(2026, 3, 31)
SETTINGS = PathSettings(min_accounts=3)
EVENTS = "account_id string, local_date date, occurred_at timestamp, event_type string, object string, source_id string"
Event = tuple[str, int, str, str | None]


def table(spark: SparkSession, events: list[Event]) -> DataFrame:
    """Events given as (account, days before AS_OF, type, object), in order of the list within a day."""
    rows = []
    for number, (account, days, kind, about) in enumerate(events):
        day = AS_OF - dt.timedelta(days=days)
        moment = dt.datetime.combine(day, dt.time(2), dt.UTC) + dt.timedelta(seconds=number % 7200)
        rows.append((account, day, moment, kind, about, str(number)))
    return spark.createDataFrame(rows, EVENTS)


def anchors(events: DataFrame, outcome: str, settings: PathSettings = SETTINGS, *, questioned: tuple[str, ...] = ()) -> DataFrame:
    asked = events.sparkSession.createDataFrame([(account,) for account in questioned], "account_id string")
    return windows(first_outcomes(events, asked, as_of=AS_OF, settings=settings), outcome, settings)


def products(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([("PR1",), ("PR2",)], "product_id string")


def walked(spark: SparkSession, events: list[Event], outcome: str, settings: PathSettings = SETTINGS) -> dict[str, tuple]:
    """Account to (with_outcome, steps, days)."""
    found = table(spark, events)
    ends = anchors(found, outcome, settings)
    rows = sequences(with_steps(found, products(spark), settings), ends, settings).collect()
    assert len({row["account_id"] for row in rows}) == len(rows)
    return {row["account_id"]: (row["with_outcome"], list(row["steps"]), list(row["days"])) for row in rows}


def opened(*accounts: str, days: int = 900) -> list[Event]:
    return [(account, days, "account_opened", None) for account in accounts]


def test_what_a_window_holds(spark: SparkSession) -> None:
    events = [
        *opened("buys", "buys again", "other", "idle"),
        *opened("young", days=80),
        *opened("closed"),
        ("closed", 300, "account_closed", None),
        ("buys", 191, "complaint", None),  # 91 days before
        ("buys", 190, "fault_report", None),  # 90 days before
        ("buys", 150, "payment", None),  # routine
        ("buys", 140, "view", "PR1"),
        ("buys", 139, "view", "PR2"),  # the same step again: the last counts
        ("buys", 138, "bill_issued", None),
        ("buys", 130, "view", "bill"),
        ("buys", 120, "click", "PR2"),
        ("buys", 110, "search", None),
        ("buys", 100, "enquiry", None),  # on the day: not before
        ("buys", 100, "purchase", "PR2"),
        ("buys", 50, "complaint", None),  # after
        ("buys again", 400, "purchase", "PR1"),  # before the period
        ("buys again", 120, "purchase", "PR1"),
        ("buys again", 100, "purchase", "PR1"),  # not the first
        ("other", 125, "outage", None),
        ("young", 5, "purchase", "PR1"),
    ]
    found = walked(spark, events, "purchase")
    assert found["buys"] == (
        True,
        ["fault_report", "view:product", "view:bill", "click:product", "search"],
        [90, 39, 30, 20, 10],
    )
    assert found["buys again"] == (True, [], [])
    with_outcome, steps, days = found["other"]
    assert (with_outcome, steps) == (False, ["outage"])
    assert days in ([5], [25]), "anchored 100 or 120 days ago, as those who bought"
    assert found["idle"] == (False, [], [])
    assert set(found) == {"buys", "buys again", "other", "idle"}, "neither young nor closed accounts were open all the time"


def test_a_path_to_arrears_ends_on_the_due_date(spark: SparkSession) -> None:
    events = [
        *opened("owes", "pays", "loads"),
        ("owes", 71, "bill_overdue", "B1"),
        ("owes", 70, "late_payment", "B1"),
        ("owes", 39, "bill_overdue", "B2"),
        ("owes", 10, "bill_in_arrears", "B2"),
        ("pays", 60, "payment", "B3"),
        ("loads", 60, "payment", None),  # a prepaid balance: no bill of it can be in arrears
    ]
    found = walked(spark, events, "arrears")
    assert found == {"owes": (True, ["bill_overdue", "late_payment"], [31, 30]), "pays": (False, [], [])}


def test_of_a_bill_in_question_nobody_can_say_that_it_led_to_no_arrears(spark: SparkSession) -> None:
    events = [*opened("owes", "pays", "asked"), ("owes", 10, "bill_in_arrears", "B1"), ("owes", 60, "payment", "B0")]
    events += [(account, 60, "payment", f"B{account}") for account in ("pays", "asked")]
    found = table(spark, events)

    def ends(outcome: str) -> set[tuple[str, bool]]:
        return {(row["account_id"], row["with_outcome"]) for row in anchors(found, outcome, questioned=("asked", "owes", "owes")).collect()}

    assert ends("arrears") == {("owes", True), ("pays", False)}
    assert ends("purchase") == set(), "nobody bought"
    events.append(("owes", 5, "purchase", "PR1"))
    found = table(spark, events)
    assert ends("purchase") == {("owes", True), ("pays", False), ("asked", False)}, "the question is about bills alone"


def test_rare_pages_are_not_told_apart_and_long_windows_are_cut(spark: SparkSession) -> None:
    events = [*opened("a"), ("a", 1, "complaint", None)]
    events += [("a", 60 - n, "view", page) for n, page in enumerate(("x", "y", "x", "z", "y"))]
    few = PathSettings(min_accounts=3, max_objects=2, max_events=3)
    assert walked(spark, events, "complaint", few)["a"][1] == ["view:x", "view", "view:y"]


def test_anchors_are_spread_as_the_outcomes(spark: SparkSession) -> None:
    events = opened(*[f"{n}" for n in range(400)])
    events += [(f"{n}", 20 if n < 30 else 200, "complaint", None) for n in range(40)]
    ends = anchors(table(spark, events), "complaint").collect()
    assert sorted(row["account_id"] for row in ends) == sorted(f"{n}" for n in range(400))
    days = Counter(((AS_OF - row["anchor"]).days, row["with_outcome"]) for row in ends)
    assert (days[20, True], days[200, True]) == (30, 10)
    assert days[20, False] + days[200, False] == 360
    assert 235 <= days[20, False] <= 305, "three of four, as drawn by a hash"
    again = anchors(table(spark, events[::-1]), "complaint").collect()
    assert {tuple(row) for row in again} == {tuple(row) for row in ends}


def random_sequences(count: int, seed: int) -> list[tuple[str, ...]]:
    """Sequences without the same step twice running, some empty."""
    rng = random.Random(seed)
    drawn = [[rng.choice("abcd") for _ in range(rng.randrange(7))] for _ in range(count)]
    return [tuple(s for i, s in enumerate(steps) if not i or s != steps[i - 1]) for steps in drawn]


def test_prefixspan_finds_what_counting_finds(spark: SparkSession) -> None:
    made = random_sequences(60, 7)
    rows = [(n % 3 > 0, list(steps), [len(steps) - i for i in range(len(steps))]) for n, steps in enumerate(made)]
    frame = spark.createDataFrame(rows, "with_outcome boolean, steps array<string>, days array<int>")
    cases = [tuple(steps) for outcome, steps, _ in rows if outcome]
    ways = {tuple(way) for steps in cases for k in (1, 2, 3) for way in combinations(steps, k)}
    support = {way: sum(is_subsequence(way, steps) for steps in cases) for way in ways}
    settings = PathSettings(min_support=0.2, max_steps=3, min_accounts=3)
    found = frequent_paths(frame.where("with_outcome"), settings)
    assert dict(found) == {way: n for way, n in support.items() if n >= 0.2 * len(cases)}
    assert [n for _, n in found] == sorted((n for _, n in found), reverse=True)

    patterns = [path for path, _ in found]
    counts = Counter()
    for row in path_counts(frame, patterns).collect():
        counts[patterns[row["pattern"]], row["with_outcome"]] += row["accounts"]
    for outcome in (True, False):
        chosen = [tuple(steps) for flag, steps, _ in rows if flag is outcome]
        assert {p: counts[p, outcome] for p in patterns} == {p: sum(is_subsequence(p, s) for s in chosen) for p in patterns}


def found_paths(spark: SparkSession, events: list[Event], outcome: str) -> list[Measured]:
    events_table = table(spark, events)
    ends = anchors(events_table, outcome)
    walks = sequences(with_steps(events_table, products(spark), SETTINGS), ends, SETTINGS).cache()
    sizes = Counter(row["with_outcome"] for row in walks.select("with_outcome").collect())
    patterns = [path for path, _ in frequent_paths(walks.where("with_outcome"), SETTINGS)]
    counts = [row.asDict() for row in path_counts(walks, patterns).collect()]
    return telling(measured(patterns, counts, outcome_accounts=sizes[True], compared=sizes[False]), SETTINGS)


NOISE = ("fault_report", "enquiry", "quote_received", "complaint", "outage")


def noise(account: str, rng: random.Random) -> list[Event]:
    return [(account, rng.randrange(1, 450), rng.choice(NOISE), None) for _ in range(rng.randrange(12))]


@pytest.mark.parametrize("planted", [True, False], ids=["planted", "shuffled"])
def test_a_planted_path_comes_out_on_top_and_noise_gives_nothing(spark: SparkSession, planted: bool) -> None:
    """Of 300 accounts 40 leave; a quote and then a complaint precede it, or only what precedes everything."""
    rng = random.Random(20260331)
    accounts = [f"{n}" for n in range(300)]
    events = opened(*accounts) + [event for account in accounts for event in noise(account, rng)]
    for account in rng.sample(accounts, 40):
        end = rng.randrange(5, 300)
        events.append((account, end, "account_closed", None))
        if planted and rng.random() < 0.9:
            events += [
                (account, end + 60 - rng.randrange(20), "quote_received", None),
                (account, end + rng.randrange(2, 30), "complaint", None),
            ]
    paths = found_paths(spark, sorted(events, key=lambda event: -event[1]), "leaving")
    if not planted:
        assert paths == []
        return
    best = paths[0]
    assert best.path == ("quote_received", "complaint")
    assert best.support >= 0.85
    assert best.lift_low > 3
    assert best.q_value < 1e-6
    assert 40 <= best.median_days <= 60
