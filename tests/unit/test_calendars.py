"""Calendars against the official arrangements, a public data set's calendar, and hand-written overrides."""

import datetime as dt
import logging
from pathlib import Path

import pandas as pd
import pytest
from gridlens.calendars import CalendarOverride, calendar_rows, load_override, spring_festival, unannounced_years
from gridlens.contracts.silver import CALENDAR
from gridlens.errors import DefinitionError
from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]


def span(text: str) -> list[dt.date]:
    begin, _, end = text.partition("/")
    return list(pd.date_range(begin, end or begin).date)


# 国务院办公厅关于2024年(2023-10-25), 2025年(2024-11-12), 2026年(2025-11-04) 部分节假日安排的通知
OFFICIAL = {
    2024: (
        [
            "2024-01-01",
            "2024-02-10/2024-02-17",
            "2024-04-04/2024-04-06",
            "2024-05-01/2024-05-05",
            "2024-06-10",
            "2024-09-15/2024-09-17",
            "2024-10-01/2024-10-07",
        ],
        ["2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14", "2024-09-29", "2024-10-12"],
    ),
    2025: (
        [
            "2025-01-01",
            "2025-01-28/2025-02-04",
            "2025-04-04/2025-04-06",
            "2025-05-01/2025-05-05",
            "2025-05-31/2025-06-02",
            "2025-10-01/2025-10-08",
        ],
        ["2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"],
    ),
    2026: (
        [
            "2026-01-01/2026-01-03",
            "2026-02-15/2026-02-23",
            "2026-04-04/2026-04-06",
            "2026-05-01/2026-05-05",
            "2026-06-19/2026-06-21",
            "2026-09-25/2026-09-27",
            "2026-10-01/2026-10-07",
        ],
        ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"],
    ),
}


@pytest.mark.parametrize("year", OFFICIAL)
def test_a_year_agrees_with_its_official_arrangement(year: int) -> None:
    rows = calendar_rows("CN", dt.date(year, 1, 1), dt.date(year, 12, 31)).set_index("local_date")
    ranges, makeup = OFFICIAL[year]
    days_off = {day for text in ranges for day in span(text)}
    worked = {dt.date.fromisoformat(day) for day in makeup}
    assert set(rows.index[rows["is_makeup_workday"]]) == worked
    assert set(rows.index[rows["day_type"] == "working"]) == {
        day for day in rows.index if (day.weekday() < 5 or day in worked) and day not in days_off
    }
    holidays = set(rows.index[rows["day_type"] == "holiday"])
    assert days_off <= holidays
    assert all(day.weekday() >= 5 for day in holidays - days_off), "beyond the notice only weekends joined to a holiday"
    assert rows["holiday_name"].notna().eq(rows["day_type"] == "holiday").all()


def test_weekends_joined_to_a_holiday_are_part_of_it_and_others_not() -> None:
    rows = calendar_rows("CN", dt.date(2024, 6, 1), dt.date(2024, 6, 16)).set_index("local_date")
    assert [rows.loc[dt.date(2024, 6, day), "day_type"] for day in (1, 2, 7, 8, 9, 10, 11, 15)] == [
        "weekend", "weekend", "working", "holiday", "holiday", "holiday", "working", "weekend",
    ]  # fmt: skip


def test_a_range_that_begins_inside_a_holiday_knows_it() -> None:
    rows = calendar_rows("CN", dt.date(2024, 2, 17), dt.date(2024, 2, 18))
    assert rows["day_type"].tolist() == ["holiday", "working"]
    assert rows["is_makeup_workday"].tolist() == [False, True]


def test_days_to_spring_festival_are_signed() -> None:
    known = {
        2015: "2015-02-19",
        2016: "2016-02-08",
        2023: "2023-01-22",
        2024: "2024-02-10",
        2025: "2025-01-29",
        2026: "2026-02-17",
        2027: "2027-02-06",
    }
    assert {year: spring_festival(year).isoformat() for year in known} == known
    rows = calendar_rows("CN", dt.date(2024, 1, 1), dt.date(2025, 12, 31)).set_index("local_date")["days_to_spring_festival"]
    assert [rows[dt.date.fromisoformat(day)] for day in ("2024-02-09", "2024-02-10", "2024-02-11", "2024-12-31", "2025-03-01")] == [
        -1,
        0,
        1,
        -29,
        31,
    ]
    assert rows.diff().dropna().isin([1]).sum() == len(rows) - 3, "one step a day but for the two turns between festivals"


def test_an_unannounced_year_is_said_and_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        first = calendar_rows("CN", dt.date(2041, 1, 1), dt.date(2041, 12, 31))
        calendar_rows("CN", dt.date(2041, 1, 1), dt.date(2041, 12, 31))
    assert first.attrs["unannounced_years"] == [2041]
    assert sum("2041" in record.message for record in caplog.records) == 1
    assert (first.set_index("local_date").loc[dt.date(2041, 10, 1), "day_type"]) == "holiday"
    assert unannounced_years("CN", dt.date(2015, 1, 1), dt.date(2026, 12, 31)) == []


OVERRIDE = """calendar_id: CN
years:
  - year: 2041
    source: made up for this test
    holidays: {2041-10-01: 国庆节, 2041-10-02: 国庆节}
    makeup_workdays: [2041-10-05]
"""


def test_an_override_replaces_the_year(tmp_path: Path) -> None:
    path = tmp_path / "CN.yml"
    path.write_text(OVERRIDE, encoding="utf-8")
    rows = calendar_rows("CN", dt.date(2041, 1, 1), dt.date(2041, 12, 31), load_override(path))
    assert rows.attrs["unannounced_years"] == []
    assert [day.isoformat() for day in rows.loc[rows["day_type"] == "holiday", "local_date"]] == ["2041-10-01", "2041-10-02"]
    assert [day.isoformat() for day in rows.loc[rows["is_makeup_workday"], "local_date"]] == ["2041-10-05"]
    assert rows.loc[rows["is_makeup_workday"], "day_type"].tolist() == ["working"]


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("[2041-10-05]", "[2041-10-07]", 6, "2041-10-07 is no Saturday or Sunday"),
        ("2041-10-02: 国庆节", "2040-10-02: 国庆节", None, "2040-10-02 stands under 2041"),
        ("[2041-10-05]", "[2041-10-05]\n    colour: red", 7, "colour"),
        ("source: made up for this test", "note: none", None, "source: is missing|note: is unknown"),
        ("2041-10-02: 国庆节", "2041-10-05: 国庆节", None, "2041-10-05 is a holiday and a make-up working day"),
        ("    makeup_workdays: [2041-10-05]", "  - {year: 2041, source: again, holidays: {}}", 2, "each year once"),
    ],
)
def test_a_mistake_in_an_override_names_file_and_line(tmp_path: Path, old: str, new: str, line: int | None, sentence: str) -> None:
    path = tmp_path / "CN.yml"
    path.write_text(OVERRIDE.replace(old, new), encoding="utf-8")
    with pytest.raises(DefinitionError, match=sentence) as error:
        load_override(path)
    assert str(error.value).startswith(f"{path} line {line if line else ''}")


def test_the_shipped_override_loads() -> None:
    assert load_override(ROOT / "conf/calendars/CN.yml").calendar_id == "CN"


@pytest.mark.parametrize(
    ("calendar_id", "day", "day_type"),
    [
        ("GB", "2013-08-26", "holiday"),
        ("GB", "2013-08-25", "weekend"),
        ("GB", "2013-04-01", "holiday"),
        ("GB", "2013-04-02", "working"),
        ("AU-NSW", "2013-06-10", "holiday"),
        ("AU-NSW", "2013-08-26", "working"),
        ("none", "2013-12-25", "working"),
        ("none", "2013-12-28", "weekend"),
    ],
)
def test_other_calendars(calendar_id: str, day: str, day_type: str) -> None:
    date = dt.date.fromisoformat(day)
    rows = calendar_rows(calendar_id, date, date)
    assert rows["day_type"].tolist() == [day_type]
    assert rows["days_to_spring_festival"].isna().all()


def test_unknown_calendars_and_foreign_overrides_are_refused() -> None:
    day = dt.date(2024, 1, 1)
    with pytest.raises(DefinitionError, match="calendar XX is unknown"):
        calendar_rows("XX", day, day)
    with pytest.raises(DefinitionError, match="between 1950 and 2100"):
        calendar_rows("CN", dt.date(1930, 1, 1), day)
    with pytest.raises(DefinitionError, match="the override is of calendar CN, expected GB"):
        calendar_rows("GB", day, day, CalendarOverride(calendar_id="CN", years=()))


def test_days_off_agree_with_the_yangzhong_calendar(real_data: Path) -> None:
    """The file's own mistakes: after three holidays it has one more day off than the notices of 2014-12-16 and 2015-12-10 gave."""
    path = real_data / "yangzhong_enterprises/date.csv"
    file = pd.read_csv(path, parse_dates=["record_date"])
    rows = calendar_rows("CN", file["record_date"].iloc[0].date(), file["record_date"].iloc[-1].date())
    assert (rows["local_date"] == file["record_date"].dt.date).all()
    different = rows.loc[(rows["day_type"] != "working") != (file["is_holiday"] == 1), "local_date"]
    assert [day.isoformat() for day in different] == ["2015-09-28", "2016-04-05", "2016-05-03"]
    assert set(rows.loc[rows["is_makeup_workday"], "local_date"]) == set(
        file.loc[(file["is_adjust"] == 1) & (file["is_holiday"] == 0), "record_date"].dt.date
    )


def test_the_rows_conform_to_the_contract(spark: SparkSession) -> None:
    rows = calendar_rows("CN", dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    records = rows.astype({"days_to_spring_festival": object}).to_dict("records")
    assert CALENDAR.conform(spark.createDataFrame(records, CALENDAR.schema)).count() == 366
