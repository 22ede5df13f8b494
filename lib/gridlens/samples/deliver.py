"""Which files a province consists of: what each district and the province as a whole add to them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gridlens.samples.behaviour import interaction_rows
from gridlens.samples.bills import bill_rows, bills_of
from gridlens.samples.catalogue import PRODUCTS
from gridlens.samples.contacts import contact_rows
from gridlens.samples.customers import consent_rows, customer_rows
from gridlens.samples.dirt import Delivery
from gridlens.samples.district import district_of
from gridlens.samples.lines import codes, fixed, repeat, text
from gridlens.samples.meter_files import curve_rows, register_rows
from gridlens.samples.network import outage_rows, supply_point_rows
from gridlens.samples.payments import payment_rows, settle, settlement_truth
from gridlens.samples.sales import inspection_rows, purchase_rows
from gridlens.samples.surveys import survey_rows
from gridlens.samples.tariffs import Schedules
from gridlens.samples.truth import truth_rows
from gridlens.samples.world import World


def district_files(world: World, schedules: Schedules, number: int, delivery: Delivery) -> None:
    """Everything that supply district ``number`` adds."""
    d = district_of(world, schedules, number)
    if world.parameters.curves:
        curve_rows(world, d, delivery)
    register_rows(world, schedules, d, delivery)
    customer_rows(world, d, delivery)
    supply_point_rows(world, schedules, d, delivery)
    consent_rows(world, d, delivery)
    outage_rows(world, d, delivery)
    bills = bills_of(world, schedules, d)
    bill_rows(world, schedules, d, bills, delivery)
    settlement = settle(world, d, bills)
    payment_rows(world, d, bills, settlement, delivery)
    contact_rows(world, d, bills, settlement, delivery)
    interaction_rows(world, d, bills, delivery)
    purchase_rows(world, d, delivery)
    inspection_rows(world, d, delivery)
    survey_rows(world, d, delivery)
    truth_rows(world, d, delivery)
    settlement_truth(world, d, bills, settlement, delivery)


def province_files(world: World, delivery: Delivery) -> None:
    """Weather and products."""
    _weather(world, delivery)
    _products(world, delivery)


def _weather(world: World, delivery: Delivery) -> None:
    areas, days = world.areas, len(world.days)
    area, day = np.divmod(np.arange(areas * days), days)
    observed = {name: values.reshape(-1) for name, values in world.weather.items()}
    columns = {
        "area_id": repeat(codes("AR", np.arange(areas), 2), area),
        "local_date": repeat(world.days, day),
        "temperature_min_c": fixed(observed["min"], 1),
        "temperature_mean_c": fixed(observed["mean"], 1),
        "temperature_max_c": fixed(observed["max"], 1),
        "humidity_pct": fixed(observed["humidity"], 0),
        "precipitation_mm": fixed(observed["rain"], 1),
        "received_at": repeat((world.days + 1).astype("datetime64[s]") + np.timedelta64(1800, "s"), day),
    }
    delivery.add("weather", columns)


def _products(world: World, delivery: Delivery) -> None:
    """Every product from the first day, and a price rise of 4 % half-way."""
    middle = world.days[len(world.days) // 2]
    for start, factor in ((world.days[0], 1.0), (middle, 1.04)):
        columns = {
            "product_id": text([p.code for p in PRODUCTS]),
            "name_zh": text([p.name_zh for p in PRODUCTS]),
            "name_en": text([p.name_en for p in PRODUCTS]),
            "category": text([p.category for p in PRODUCTS]),
            "price": fixed(np.array([p.price for p in PRODUCTS]) * factor, 2),
            "margin": fixed(np.array([p.margin for p in PRODUCTS]) * factor, 2),
            "currency": pa.repeat("CNY", len(PRODUCTS)),
            "valid_from": text(np.full(len(PRODUCTS), start)),
            "received_at": text(np.full(len(PRODUCTS), start).astype("datetime64[s]") - np.timedelta64(7200, "s")),
        }
        delivery.add("product", columns)
