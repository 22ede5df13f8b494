"""How one contract field, a row's knowledge time and interval values come out of a source: parts of a source definition."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Clock = Literal["wall", "standard", "utc"]
"""How written times run over clock changes: with them (wall), on the zone's standard time all year, or UTC."""

_PATTERN = re.compile(r"\{(\d+)\.\.(\d+)\}")
_PATTERN_LETTERS = set("yuMdHhmsSXxa")

_NEEDED = {
    "long": ("label", "value"),
    "daily_total": ("label", "value"),
    "wide_day": ("label", "columns"),
    "matrix_by_point": ("label",),
    "matrix_by_date": (),
}


class Frozen(BaseModel):
    """A definition: immutable, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _formats(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _known_letters(formats: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what Spark would only refuse once rows are read, or would read wrongly (YYYY is the week year)."""
    for pattern in formats:
        strange = sorted({c for c in re.sub(r"'[^']*'", "", pattern) if c.isascii() and c.isalpha() and c not in _PATTERN_LETTERS})
        if strange:
            raise ValueError(f"the pattern {pattern} has {', '.join(strange)}; use yyyy MM dd HH mm ss SSS XXX, other letters in quotes")
    return formats


Formats = Annotated[tuple[str, ...], BeforeValidator(_formats), AfterValidator(_known_letters)]


class FieldSource(Frozen):
    """Where one contract field comes from: a source column, or a constant.

    Attributes:
        column: source column.
        constant: the same value for every row, written as the source would write it.
        codes: source code to our code; a code that is not listed stays as it is (a rule then says so).
        formats: date or time patterns, tried in order; default ISO (``yyyy-MM-dd``, ``yyyy-MM-dd HH:mm[:ss]``).
        clock: how the column's times run; default the source's.
        extract: regular expression whose first group is the value (``"^(-?[0-9]+)℃$"``).
        prefix: put before an id where several systems' ids are merged.
        scale: factor from the source's unit to the contract's.
        optional: JSON lines may leave the field out in whole files; without it a file none of whose first lines has it is refused.
    """

    column: str | None = None
    constant: str | None = None
    codes: dict[str, str] = {}
    formats: Formats = ()
    clock: Clock | None = None
    extract: str | None = None
    prefix: str = ""
    scale: float | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> FieldSource:
        if (self.column is None) == (self.constant is None):
            raise ValueError("expected either column (a source column) or constant (one value for all rows)")
        if self.extract is not None:
            try:
                groups = re.compile(self.extract).groups
            except re.error as error:
                raise ValueError(f"extract is not a regular expression ({error})") from error
            if groups < 1:
                raise ValueError("extract needs a group in parentheses around the value")
        return self


def _field_source(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Mapping = Annotated[FieldSource, BeforeValidator(_field_source)]


class KnownFrom(Frozen):
    """When the company knew a row: a column, a declared lag after the row's own day, or the file's modification time.

    Attributes:
        column: source column with the moment; ``formats`` and ``clock`` as for a field.
        days_after: whole days after the row's day (``of``, default the entity's own date).
        hour: local hour of that day.
        file_modified: the file's modification time.
        round_up: to the next full UTC hour or local day.
    """

    column: str | None = None
    formats: Formats = ()
    clock: Clock | None = None
    days_after: int | None = Field(default=None, ge=0, le=3660)
    hour: int = Field(default=0, ge=0, le=23)
    of: str | None = None
    file_modified: bool = False
    round_up: Literal["hour", "day"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> KnownFrom:
        if (self.column is not None) + (self.days_after is not None) + self.file_modified != 1:
            raise ValueError("expected exactly one of column, days_after and file_modified")
        return self


class Complete(Frozen):
    """A daily total counts only where ``column`` equals ``equals``; elsewhere the row has no reading and says why in quarantine."""

    column: str
    equals: str


class Intervals(Frozen):
    """How interval readings lie in the source.

    Attributes:
        layout: ``long`` (a reading a row), ``daily_total`` (a day a row), ``wide_day`` (a day a row, a column an
            interval), ``matrix_by_point`` (a date or time a row, a column a point), ``matrix_by_date`` (a point a row,
            a column a date or time).
        label: source column with the date or time; not for ``matrix_by_date``, whose column names are the labels.
        formats: patterns of the label.
        labels: whether a time names the begin or the end of its interval. A daily total labelled with a time and ``end``
            belongs to the day that ends then (2 March 00:00: 1 March); a date without a time always names its own day.
        clock: how times run over clock changes; default the source's.
        overlap: a wall-clock time that occurs twice: ``order`` takes the second row of the same point and time in
            a file as the second occurrence (default where the zone still changed its clocks after 2000), so one file
            must hold both; ``first`` always takes the first.
        value: source column of the reading (``long``, ``daily_total``).
        columns: of the day's intervals, ``P{1..96}`` or a list (``wide_day``).
        drop: columns that are no point and no date (``matrix_*``).
        point_prefix: put before the column names that become metering points (``matrix_by_point``).
        value_kind: kwh, kw_mean, or kw_instant: the power at the labelled moment. The mean of an interval is then that of
            the moments at its two ends; where one of them is not there, or belongs to another day (that after the last label
            of a day, or with ``labels: end`` that before the first), the other stands for both.
        resolution_minutes: length of one interval; 1440 for daily totals.
        multiplied: true where the CT×PT ratio is already applied.
        complete: condition under which a daily total counts.
    """

    layout: Literal["long", "daily_total", "wide_day", "matrix_by_point", "matrix_by_date"]
    label: str | None = None
    formats: Formats = ()
    labels: Literal["begin", "end"] = "begin"
    clock: Clock | None = None
    overlap: Literal["order", "first"] | None = None
    value: str | None = None
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    point_prefix: str = ""
    value_kind: Literal["kwh", "kw_mean", "kw_instant"] = "kwh"
    resolution_minutes: Literal[1, 5, 10, 15, 20, 30, 60, 1440]
    multiplied: bool
    complete: Complete | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("columns"), str):
            return {**data, "columns": expand_columns(data["columns"])}
        return data

    @model_validator(mode="after")
    def _fits_layout(self) -> Intervals:
        needed = _NEEDED[self.layout]
        for name in ("label", "value", "columns"):
            if bool(getattr(self, name)) != (name in needed):
                raise ValueError(f"the layout {self.layout} {'needs' if name in needed else 'takes no'} {name}")
        if self.drop and not self.is_matrix:
            raise ValueError(f"the layout {self.layout} takes no drop")
        if self.point_prefix and self.layout != "matrix_by_point":
            raise ValueError(f"the layout {self.layout} takes no point_prefix; give metering_point_id a prefix")
        if self.layout == "wide_day" and len(self.columns) * self.resolution_minutes not in (1380, 1440, 1500):
            raise ValueError(f"{len(self.columns)} columns of {self.resolution_minutes} minutes do not make a day of 23, 24 or 25 hours")
        if (self.layout == "daily_total" and not self.is_daily) or (self.layout in ("long", "wide_day") and self.is_daily):
            raise ValueError("resolution_minutes is 1440 for daily_total and less than a day for long and wide_day")
        if self.is_daily and self.value_kind == "kw_instant":
            raise ValueError("a daily total is kwh or kw_mean, never kw_instant")
        if self.complete and self.layout != "daily_total":
            raise ValueError("complete is for the layout daily_total")
        return self

    @property
    def is_matrix(self) -> bool:
        return self.layout.startswith("matrix")

    @property
    def is_daily(self) -> bool:
        return self.resolution_minutes == 1440

    @property
    def stored_kind(self) -> str:
        """The value kind as bronze keeps it: of a power at a moment it also says which end of its interval that is."""
        return "kw_instant_end" if self.value_kind == "kw_instant" and self.labels == "end" else self.value_kind


def expand_columns(pattern: str) -> tuple[str, ...]:
    """``P{1..96}`` as P1 … P96; leading zeros (``{01..96}``) are kept."""
    found = _PATTERN.findall(pattern)
    if len(found) != 1:
        raise ValueError(f"{pattern} is no column pattern; write it as P{{1..96}} or list the columns")
    first, last = found[0]
    if not int(first) <= int(last) <= int(first) + 1500:
        raise ValueError(f"{pattern} counts from {first} to {last}; expected the smaller number first and at most 1500 columns")
    width = len(first) if first.startswith("0") else 0
    return tuple(_PATTERN.sub(str(i).zfill(width), pattern) for i in range(int(first), int(last) + 1))
