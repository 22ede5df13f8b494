"""The tariff book: every tariff and purchase-price series of a folder, and what a tariff charges in one month."""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np

from gridlens.billing.money import scaled
from gridlens.billing.periods import day_codes
from gridlens.billing.tariffs import Components, Prepayment, PurchasePrices, Tariff, TariffVersion
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.definitions import Defined, parse_definitions
from gridlens.errors import DefinitionError


@dataclass(frozen=True)
class MonthRates:
    """What a tariff charges in one month, in exact integers: prices in 1e-8 CNY, quantities in thousandths.

    Attributes:
        periods: code of each quarter hour (position in codes.TARIFF_PERIODS), int8 of shape (96,).
        period_prices: energy price of each period, int64 of shape (5,); -1 where the month has no such period.
        time_of_use: False where the tariff has one price all day in every season.
        surcharge: sum of the surcharges.
        tier_limits: yearly limits of tiers 1 and 2; None without tiers.
        tier_adders: what tiers 2 and 3 cost more.
        basic_kind: ``capacity``, ``demand`` or None.
        basic_price: for a kVA or kW and month.
        discount_kwh_per_kva: energy for each kVA from which ``discounted_price`` replaces the basic price; None where never.
        power_factor_standard: ``0.90``, ``0.85``, ``0.80`` or None.
        power_factor_capacity: contract capacity from which the adjustment applies.
        export_price: paid for exported energy; None where not bought.
        prepayment: balances for prepaid customers, None where not offered.
    """

    tariff_id: str
    month: dt.date
    days: int
    periods: np.ndarray
    period_prices: np.ndarray
    time_of_use: bool
    surcharge: int
    tier_limits: tuple[int, int] | None
    tier_adders: tuple[int, int]
    basic_kind: str | None
    basic_price: int
    discount_kwh_per_kva: int | None
    discounted_price: int
    power_factor_standard: str | None
    power_factor_capacity: int
    export_price: int | None
    prepayment: Prepayment | None


@dataclass(frozen=True)
class TariffBook:
    """Tariffs and purchase prices by id, with where they stand and the fingerprint of each tariff's files."""

    tariffs: dict[str, Defined[Tariff]]
    purchase: dict[str, Defined[PurchasePrices]]
    fingerprints: dict[str, str]

    def tariff(self, tariff_id: str) -> Tariff:
        """The tariff; DefinitionError where the book has none of that id."""
        if tariff_id not in self.tariffs:
            raise DefinitionError(f"tariff {tariff_id} is not defined; expected one of {', '.join(sorted(self.tariffs))}")
        return self.tariffs[tariff_id].value

    def version(self, tariff_id: str, month: dt.date) -> TariffVersion:
        """The version in force in ``month`` (any day of it); DefinitionError before the first."""
        started = [v for v in self.tariff(tariff_id).versions if v.valid_from <= month]
        if not started:
            first = self.tariff(tariff_id).versions[0].valid_from
            raise self.tariffs[tariff_id].error(
                f"tariff {tariff_id} begins on {first}, so it has no price for {month:%Y-%m}; add a version", at=("versions",)
            )
        return started[-1]

    def energy_price(self, tariff_id: str, version: TariffVersion, month: dt.date, period: str) -> Decimal:
        """CNY/kWh of ``period`` without surcharges and tiers; DefinitionError where the month's purchase price is missing."""
        if version.catalogue is not None:
            return version.catalogue[period]  # type: ignore[index]
        assert version.components is not None
        return component_price(version.components, self._purchase_price(tariff_id, version.components, month), period)

    def _purchase_price(self, tariff_id: str, components: Components, month: dt.date) -> Decimal:
        series = self.purchase[components.purchase]
        try:
            return series.value.months[f"{month:%Y-%m}"]
        except KeyError:
            raise series.error(
                f"{components.purchase} has no price for {month:%Y-%m}, which tariff {tariff_id} needs; add the month", at=("months",)
            ) from None

    def rates(self, tariff_id: str, month: dt.date) -> MonthRates:
        """What the tariff charges in ``month`` (any day of it); DefinitionError where it has no version or purchase price."""
        version = self.version(tariff_id, month)
        codes = day_codes(version.season(month.month).periods)
        prices = np.full(len(TARIFF_PERIODS), -1, dtype=np.int64)
        for code in np.unique(codes):
            prices[code] = scaled(self.energy_price(tariff_id, version, month, TARIFF_PERIODS[code]), 8)
        tiers, basic, factor = version.tiers, version.basic_charge, version.power_factor
        discount = basic.discount if basic else None
        return MonthRates(
            tariff_id=tariff_id,
            month=month.replace(day=1),
            days=calendar.monthrange(month.year, month.month)[1],
            periods=codes,
            period_prices=prices,
            time_of_use=version.time_of_use,
            surcharge=scaled(sum(version.surcharges.values(), Decimal(0)), 8),
            tier_limits=(scaled(tiers.limits_kwh[0], 3), scaled(tiers.limits_kwh[1], 3)) if tiers else None,
            tier_adders=(scaled(tiers.adders[0], 8), scaled(tiers.adders[1], 8)) if tiers else (0, 0),
            basic_kind=basic.kind if basic else None,
            basic_price=scaled(basic.price, 8) if basic else 0,
            discount_kwh_per_kva=discount.kwh_per_kva if discount else None,
            discounted_price=scaled(basic.price * discount.factor, 8) if basic and discount else 0,
            power_factor_standard=factor.standard if factor else None,
            power_factor_capacity=factor.minimum_capacity_kva * 1000 if factor else 0,
            export_price=scaled(version.export_price, 8) if version.export_price is not None else None,
            prepayment=version.prepayment,
        )


def component_price(components: Components, purchase: Decimal, period: str) -> Decimal:
    """Sum of the components, the floating ones times the period's ratio, rounded half up to ``decimals`` places."""
    ratio = components.ratio(period)  # type: ignore[arg-type]
    parts = {
        "purchase": purchase,
        "losses": components.losses,
        "system_operation": components.system_operation,
        "transmission": components.transmission,
    }
    total = sum((value * ratio if name in components.floating else value for name, value in parts.items()), Decimal(0))  # type: ignore[operator]
    return total.quantize(Decimal(1).scaleb(-components.decimals), ROUND_HALF_UP)


def load_tariffs(folder: str | Path) -> TariffBook:
    """The tariffs of ``folder/*.yml`` (one a file) and the purchase prices of ``folder/purchase/*.yml``.

    Raises:
        DefinitionError: file and line of the first mistake, a repeated id and an unknown purchase series included.
    """
    folder = Path(folder)
    book = read_tariffs(sorted(folder.glob("*.yml")), sorted((folder / "purchase").glob("*.yml")))
    if not book.tariffs:
        raise DefinitionError(f"{folder}: no tariff file (*.yml) found; give the folder that holds the tariffs")
    return book


def read_tariffs(tariff_files: Iterable[Path], purchase_files: Iterable[Path]) -> TariffBook:
    """The tariffs of some files and the purchase prices of others; raises as :func:`load_tariffs`."""
    purchase: dict[str, Defined[PurchasePrices]] = {}
    for path in purchase_files:
        (series,) = parse_definitions(PurchasePrices, path)
        _enter(purchase, series.value.purchase_id, series, "purchase_id")
    tariffs: dict[str, Defined[Tariff]] = {}
    for path in tariff_files:
        (tariff,) = parse_definitions(Tariff, path)
        _enter(tariffs, tariff.value.tariff_id, tariff, "tariff_id")
        _check_purchase(tariff, purchase)
    return TariffBook(tariffs, purchase, {key: _fingerprint(tariff, purchase) for key, tariff in tariffs.items()})


def _enter(book: dict, key: str, defined: Defined, field: str) -> None:
    if key in book:
        raise defined.error(f"{field} {key} is already used in {book[key].document.path}; choose another", at=(field,))
    book[key] = defined


def _check_purchase(tariff: Defined[Tariff], purchase: dict[str, Defined[PurchasePrices]]) -> None:
    for position, version in enumerate(tariff.value.versions):
        if version.components is None:
            continue
        place, name = ("versions", position, "components", "purchase"), version.components.purchase
        if name not in purchase:
            raise tariff.error(
                f"purchase {name} is not defined in the folder purchase; expected one of {', '.join(sorted(purchase)) or 'none'}", at=place
            )
        first = next(iter(purchase[name].value.months))
        if first > f"{version.valid_from:%Y-%m}":
            raise tariff.error(
                f"purchase {name} begins in {first}, after the version's valid_from {version.valid_from}; add earlier months", at=place
            )


def _fingerprint(tariff: Defined[Tariff], purchase: dict[str, Defined[PurchasePrices]]) -> str:
    """SHA-256 over the tariff's content and the purchase series it names; comments and layout don't count."""
    names = sorted({v.components.purchase for v in tariff.value.versions if v.components})
    texts = [tariff.value.model_dump_json(), *(purchase[name].value.model_dump_json() for name in names)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
