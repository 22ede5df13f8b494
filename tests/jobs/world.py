"""A small world as source files: three days of four metering points, with everything that goes wrong in a delivery.

P1 is a direct household. P2 is a shop whose current transformer is exchanged on 3 March (20 to 40). P3 is
delivered before anybody declared it: its master data arrive on 5 March. Nobody ever declares P9.
Company clock: Asia/Shanghai, UTC+8; all moments in the files are local.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

PHONE = "13987654321"
"""Stands in the row of a customer that is accepted."""
REJECTED_PHONE = "13812340987"
"""Stands in the row of a customer that is rejected."""
NAME = "Zhao-Canary"
REJECTED_NAME = "Qian-Canary"

CURVE_HEADER = "point,channel,day,received," + ",".join(f"P{i}" for i in range(1, 97))
POINT_HEADER = "point,account,meter,feeder,area,voltage,capacity,ct,pt,tariff,valid_from,received"
REGISTER_HEADER = "point,meter,channel,day,kind,total,received"
CUSTOMER_HEADER = "account,party,kind,name,phone,category,billing,opened,area,unit,valid_from,received"
WEATHER_HEADER = "area,day,low,mean,high,received"


def curve(point: str, day: str, received: str, level: float, *, channel: str = "1.8.0", **cells: str) -> str:
    """One row of a curve file: mean kW that rises by 0.01 from ``level`` with each quarter hour; ``cells`` replace single cells."""
    values = {f"P{i}": f"{level + i / 100:.2f}" for i in range(1, 97)} | cells
    return ",".join([point, channel, day, received, *values.values()])


def lines(header: str, *rows: str) -> str:
    """A file's text."""
    return "\n".join([header, *rows]) + "\n"


ORIGINAL = curve("P1", "2026-03-01", "2026-03-02 06:00", 1)
CORRECTION = curve("P1", "2026-03-01", "2026-03-03 09:00", 2)
OUTDATED = curve("P1", "2026-03-01", "2026-03-01 20:00", 9)
MALFORMED = "P2,1.8.0,2026-03-01,2026-03-02 06:00,1.5,2.5"
STRANGE_CHANNEL = curve("P1", "2026-03-01", "2026-03-02 06:00", 1, channel="7.7.7")
NO_DAY = curve("P1", "2026-13-45", "2026-03-02 06:00", 1)
NO_POINT = curve("", "2026-03-01", "2026-03-02 06:00", 1)

FILES: dict[str, str] = {
    "points/master.csv": lines(
        POINT_HEADER,
        "P1,A1,M1,F1,N,0.22kV,8,1,1,,2026-01-01,2026-02-20 10:00",
        "P2,A2,M2,F1,N,0.38kV,200,20,1,,2026-01-01,2026-02-20 10:00",
        "P2,A2,M2,F1,N,0.38kV,400,40,1,,2026-03-03,2026-03-04 08:00",
    ),
    "points/late.csv": lines(POINT_HEADER, "P3,A3,M3,F1,N,0.38kV,100,10,1,,2026-01-01,2026-03-05 09:00"),
    "curves/1.csv": lines(
        CURVE_HEADER,
        ORIGINAL,
        curve("P2", "2026-03-01", "2026-03-02 06:00", 3, P5="abc", P6=""),
        curve("P3", "2026-03-01", "2026-03-02 06:00", 4),
        curve("P9", "2026-03-01", "2026-03-02 06:00", 5),
        ORIGINAL,
        MALFORMED,
        STRANGE_CHANNEL,
        NO_DAY,
        NO_POINT,
        NO_POINT,
    ),
    "curves/2.csv": lines(
        CURVE_HEADER,
        curve("P1", "2026-03-02", "2026-03-03 06:00", 1),
        curve("P2", "2026-03-02", "2026-03-03 06:00", 3, P7="-4"),
        curve("P3", "2026-03-02", "2026-03-03 06:00", 4),
        CORRECTION,
    ),
    "curves/3.csv": lines(
        CURVE_HEADER,
        curve("P1", "2026-03-03", "2026-03-04 06:00", 1),
        curve("P2", "2026-03-03", "2026-03-04 06:00", 3),
        curve("P3", "2026-03-03", "2026-03-04 06:00", 4),
        OUTDATED,
    ),
    "registers/all.csv": lines(
        REGISTER_HEADER,
        "P1,M1,1.8.0,2026-02-28,scheduled,100.000,2026-03-01 06:00",
        "P1,M1,1.8.0,2026-03-01,scheduled,135.640,2026-03-02 06:00",
        "P1,M1,1.8.0,2026-03-01,scheduled,159.640,2026-03-03 09:00",
        "P2,M2,1.8.0,2026-03-01,scheduled,-7,2026-03-02 06:00",
    ),
    "customers/all.csv": lines(
        CUSTOMER_HEADER,
        f"A1,Y1,person,{NAME},{PHONE},residential,postpaid,2020-05-01,N,U1,2026-01-01,2026-02-20 10:00",
        "A2,Y2,company,Shop,,commercial,postpaid,2021-05-01,N,U1,2026-01-01,2026-02-20 10:00",
        f"A3,Y3,robot,{REJECTED_NAME},{REJECTED_PHONE},residential,postpaid,2020-05-01,N,U1,2026-01-01,2026-02-20 10:00",
    ),
    "weather/all.csv": lines(
        WEATHER_HEADER,
        "N,2026-03-01,4,8,12,2026-03-02 06:00",
        "N,2026-03-02,5,9,14,2026-03-03 06:00",
        "N,2026-03-02,5,9,14,2026-03-03 06:00",
        "N,2026-03-03,6,10,hot,2026-03-04 06:00",
    ),
}
"""Path to text of the world's files."""
NEW_DAY = lines(
    CURVE_HEADER,
    curve("P1", "2026-03-04", "2026-03-05 06:00", 1),
    curve("P2", "2026-03-04", "2026-03-05 06:00", 3),
)
"""A delivery of one day more."""

SOURCES = {
    "points": """
  - name: points
    entity: supply_point
    format: csv
    path: points/*.csv
    zone: Asia/Shanghai
    columns: {metering_point_id: point, account_id: account, meter_id: meter, feeder_id: feeder, area_id: area, voltage_level: voltage,
              contract_capacity_kva: capacity, ct_ratio: ct, pt_ratio: pt, tariff_id: tariff, valid_from: valid_from}
    known_from: {column: received}
""",
    "curves": """
  - name: curves
    entity: meter_interval
    format: csv
    path: curves/*.csv*
    zone: Asia/Shanghai
    columns: {metering_point_id: point, channel: channel}
    intervals: {layout: wide_day, label: day, labels: end, columns: "P{1..96}", value_kind: kw_mean, resolution_minutes: 15,
                multiplied: false}
    known_from: {column: received}
""",
    "registers": """
  - name: registers
    entity: meter_register
    format: csv
    path: registers/*.csv
    zone: Asia/Shanghai
    columns: {metering_point_id: point, meter_id: meter, channel: channel, read_date: day, read_kind: kind, reading_total: total}
    known_from: {column: received}
""",
    "customers": """
  - name: customers
    entity: customer
    format: csv
    path: customers/*.csv
    zone: Asia/Shanghai
    columns: {account_id: account, party_id: party, party_kind: kind, name: name, phone: phone, category: category, billing_kind: billing,
              opened_on: opened, area_id: area, org_unit_id: unit, valid_from: valid_from}
    known_from: {column: received}
""",
    "weather": """
  - name: weather
    entity: weather
    format: csv
    path: weather/*.csv
    zone: Asia/Shanghai
    columns: {area_id: area, local_date: day, temperature_min_c: low, temperature_mean_c: mean, temperature_max_c: high}
    known_from: {column: received}
""",
}


def write(folder: Path, files: Mapping[str, str | bytes] = FILES) -> Path:
    """Writes ``files`` below ``folder``; gives the folder."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def define(folder: Path, sources: Iterable[str] = tuple(SOURCES)) -> Path:
    """Writes the definition of some of the world's sources as ``folder/world.yml``; gives the file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "world.yml"
    target.write_text("sources:" + "".join(SOURCES[name] for name in sources), encoding="utf-8")
    return target
