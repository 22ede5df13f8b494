"""A feature is a column with its formula and source: tables and documents are generated from the same declaration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gridlens.tables import Field

MIN_COVERAGE = 0.75
"""Least known part of a day for which its shape is described; below, only energy, coverage and the estimated share are given."""

HOURS = 24

# Sources cited by the features.
OWN = "gridlens"
IEV = "IEC 60050-691, International Electrotechnical Vocabulary: tariffs for electricity"
PRICE = "P. Price 2010, Methods for Analyzing Electric Load Shape and its Variability, LBNL-3713E"
CHINA = "Chinese load-characteristic indices (负荷特性指标)"
SHANNON = "C. E. Shannon 1948, A Mathematical Theory of Communication"
PARZEN = "E. Parzen 1963, On Spectral Analysis with Missing Observations and Amplitude Modulation"
PRISM = "M. F. Fels 1986, PRISM: An Introduction; ASHRAE Guideline 14, five-parameter change-point model"
OLS = "Ordinary least squares"

NO_INTERVALS = "daily total only, or less than 75 % of the day's intervals known"
NO_VALUE = "no value at all"


@dataclass(frozen=True)
class Feature(Field):
    """A feature column.

    Attributes:
        formula: how it is computed, in the notation of the table's notes.
        source: publication or standard that the definition comes from.
        grain: ``day``, ``month``, ``year`` or ``account``.
    """

    formula: str = ""
    source: str = OWN
    grain: str = "day"


def features(grain: str, null: str | None, rows: Iterable[tuple[str, ...]]) -> tuple[Feature, ...]:
    """Features of one grain that are null for one reason (None: never).

    A row is (name, type, unit, doc, formula, source); an empty unit is none.
    """
    return tuple(
        Feature(name, kind, doc, unit=unit or None, null=null, formula=formula, source=source, grain=grain)
        for name, kind, unit, doc, formula, source in rows
    )
