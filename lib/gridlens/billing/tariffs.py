"""Tariffs as data: what a tariff file in ``conf/tariffs`` may say."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gridlens.billing.periods import Period, day_codes
from gridlens.contracts.codes import TARIFF_PERIODS

Category = Literal["residential", "commercial", "large_industrial", "agricultural", "public", "ev_station"]
Voltage = Literal["0.22kV", "0.38kV", "10kV", "35kV", "110kV"]
Component = Literal["purchase", "losses", "system_operation", "transmission"]
Part = Literal["periods", "energy", "tiers", "surcharges", "basic_charge", "power_factor", "export_price", "prepayment"]
Price = Annotated[Decimal, Field(ge=0, lt=900, decimal_places=8)]
Ratio = Annotated[Decimal, Field(gt=0, le=10)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Season(_Model):
    """Months that share one division of the day; ranges such as ``08:00-11:00`` in quarter hours, ``23:00-07:00`` over midnight."""

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...]
    periods: dict[Period, tuple[str, ...]]

    @field_validator("periods")
    @classmethod
    def _cover_the_day(cls, value: dict[Period, tuple[str, ...]]) -> dict[Period, tuple[str, ...]]:
        day_codes(value)
        return value


class Components(_Model):
    """A price built from components (CNY/kWh); those in ``floating`` are multiplied by the period's ratio to flat.

    ``purchase`` names a series of monthly agent-purchase prices (代理购电价格). ``sharp_on_peak`` and
    ``deep_valley_on_valley`` state a ratio the way notices do, relative to the peak or valley price's ratio.
    """

    purchase: str
    losses: Price = Decimal(0)
    system_operation: Price = Decimal(0)
    transmission: Price
    ratios: dict[Period, Ratio] = {}
    sharp_on_peak: Ratio | None = None
    deep_valley_on_valley: Ratio | None = None
    floating: tuple[Component, ...] = ("purchase",)
    decimals: Annotated[int, Field(ge=2, le=8)] = 6

    @model_validator(mode="after")
    def _ratios_once(self) -> Components:
        for name, on, factor in (("sharp", "peak", self.sharp_on_peak), ("deep_valley", "valley", self.deep_valley_on_valley)):
            if factor is not None and (name in self.ratios or on not in self.ratios):
                raise ValueError(f"{name}_on_{on} needs a ratio for {on} and none for {name}; give the ratio of {name} in one way")
        return self

    def ratio(self, period: Period) -> Decimal | None:
        """Ratio of ``period`` to flat; None where the tariff has none."""
        if period == "sharp" and self.sharp_on_peak is not None:
            return self.ratios["peak"] * self.sharp_on_peak
        if period == "deep_valley" and self.deep_valley_on_valley is not None:
            return self.ratios["valley"] * self.deep_valley_on_valley
        return self.ratios.get(period, Decimal(1) if period == "flat" else None)


class Tiers(_Model):
    """Residential tiers by calendar year (阶梯电价): kWh up to which tiers 1 and 2 reach; what tiers 2 and 3 cost more."""

    limits_kwh: tuple[Annotated[Decimal, Field(gt=0)], Annotated[Decimal, Field(gt=0)]]
    adders: tuple[Price, Price]

    @field_validator("limits_kwh")
    @classmethod
    def _rising(cls, value: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
        if value[0] >= value[1]:
            raise ValueError(f"expected two rising limits but found {value[0]} and {value[1]}")
        return value


class Discount(_Model):
    """Demand price times ``factor`` where the month's energy reaches ``kwh_per_kva`` of contract capacity."""

    kwh_per_kva: Annotated[int, Field(gt=0)]
    factor: Annotated[Decimal, Field(gt=0, le=1)]


class BasicCharge(_Model):
    """The monthly part of a two-part tariff: per kVA of contract capacity, or per kW of the month's maximum demand."""

    kind: Literal["capacity", "demand"]
    price: Price
    discount: Discount | None = None

    @model_validator(mode="after")
    def _discount_on_demand(self) -> BasicCharge:
        if self.discount is not None and self.kind != "demand":
            raise ValueError("a discount is for kind demand only; remove it")
        return self


class PowerFactor(_Model):
    """Power-factor adjustment (力调电费): the standard, and the contract capacity from which it applies."""

    standard: Literal["0.90", "0.85", "0.80"]
    minimum_capacity_kva: Annotated[int, Field(ge=0)]


class Prepayment(_Model):
    """Prepaid supply (费控): balances (CNY) below which the customer is warned, and at or below which supply is cut."""

    warn_balance: Annotated[Decimal, Field(decimal_places=2)]
    disconnect_balance: Annotated[Decimal, Field(decimal_places=2)]

    @model_validator(mode="after")
    def _warn_first(self) -> Prepayment:
        if self.warn_balance <= self.disconnect_balance:
            raise ValueError("warn_balance must lie above disconnect_balance")
        return self


class TariffVersion(_Model):
    """What holds from ``valid_from`` (the first of a month) until the next version.

    ``sources`` says for each part where its figures come from, with a date, or ``illustrative``.
    Prices are in CNY with tax; energy prices exclude what ``surcharges`` (基金及附加) lists.
    """

    valid_from: dt.date
    sources: dict[Part, Annotated[str, Field(min_length=5)]]
    seasons: tuple[Season, ...]
    catalogue: dict[Period, Price] | None = None
    components: Components | None = None
    tiers: Tiers | None = None
    surcharges: dict[str, Price] = {}
    basic_charge: BasicCharge | None = None
    power_factor: PowerFactor | None = None
    export_price: Price | None = None
    prepayment: Prepayment | None = None

    @field_validator("valid_from")
    @classmethod
    def _first_of_month(cls, value: dt.date) -> dt.date:
        if value.day != 1:
            raise ValueError(f"expected the first day of a month but found {value}")
        return value

    @field_validator("seasons")
    @classmethod
    def _every_month_once(cls, value: tuple[Season, ...]) -> tuple[Season, ...]:
        months = sorted(month for season in value for month in season.months)
        if months != list(range(1, 13)):
            raise ValueError(f"expected every month from 1 to 12 in exactly one season but found {months}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> TariffVersion:
        if (self.catalogue is None) == (self.components is None):
            raise ValueError("give either catalogue (fixed prices by period) or components (a price built from parts), not both")
        for period in self.period_names:
            if not (period in self.catalogue if self.catalogue is not None else self.components and self.components.ratio(period)):
                raise ValueError(f"period {period} of the seasons has no price; add it to catalogue, or its ratio to components")
        if self.tiers is not None and (self.components is not None or (not self.time_of_use and self.period_names != ("flat",))):
            raise ValueError("tiers go with catalogue prices: of several periods, or of flat all day")
        for part in self._parts():
            if part not in self.sources:
                raise ValueError(f"sources lacks {part}; name a public source with its date, or write illustrative")
        return self

    def _parts(self) -> list[Part]:
        optional: tuple[Part, ...] = ("tiers", "surcharges", "basic_charge", "power_factor", "export_price", "prepayment")
        return ["periods", "energy", *(part for part in optional if getattr(self, part) not in (None, {}))]

    @property
    def period_names(self) -> tuple[Period, ...]:
        """Periods that occur in any season, in the order of codes.TARIFF_PERIODS."""
        used = {period for season in self.seasons for period in season.periods}
        return tuple(sorted(used, key=TARIFF_PERIODS.index))

    @property
    def time_of_use(self) -> bool:
        return len(self.period_names) > 1

    def season(self, month: int) -> Season:
        """The season of a calendar month (1 to 12)."""
        return next(season for season in self.seasons if month in season.months)


class Tariff(_Model):
    """A tariff with all its versions, the oldest first."""

    tariff_id: str
    name_zh: str
    name_en: str
    category: Category
    voltage: tuple[Voltage, ...]
    versions: tuple[TariffVersion, ...] = Field(min_length=1)

    @field_validator("versions")
    @classmethod
    def _in_order(cls, value: tuple[TariffVersion, ...]) -> tuple[TariffVersion, ...]:
        starts = [version.valid_from for version in value]
        if any(later <= earlier for earlier, later in itertools.pairwise(starts)):
            raise ValueError("expected versions with rising valid_from; sort them and keep one of each date")
        return value


class PurchasePrices(_Model):
    """Monthly agent-purchase prices (代理购电价格), CNY/kWh; months such as ``2024-06`` without a gap."""

    purchase_id: str
    source: Annotated[str, Field(min_length=5)]
    months: dict[Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")], Price] = Field(min_length=1)

    @field_validator("months")
    @classmethod
    def _without_gap(cls, value: dict[str, Decimal]) -> dict[str, Decimal]:
        counts = [int(month[:4]) * 12 + int(month[5:]) for month in value]
        for month, count, expected in zip(value, counts, range(counts[0], counts[0] + len(counts)), strict=True):
            if count != expected:
                raise ValueError(f"{month} does not follow the month before it; list every month once, in order")
        return value
