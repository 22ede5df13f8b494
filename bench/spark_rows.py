"""The peer that everybody writes: Spark SQL over one row a reading; every feature of a day, and the simpler ones of a month."""

from __future__ import annotations

from gridlens.contracts.codes import TARIFF_PERIODS
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from bench.curves import INTERVALS
from bench.duckdb_features import ALWAYS, HOURS, LEAST, WINDOWS, day_names

MONTH_COLUMNS = ("energy_kwh", "daily_kwh_mean", "daily_kwh_min", "daily_kwh_max", "mean_kw", "peak_kw", "load_factor", "zero_share")
_DAY = ("metering_point_id", "channel", "local_date", "local_month")


def day_rows(readings: DataFrame, points: DataFrame, calendar: DataFrame, tariff: DataFrame) -> DataFrame:
    """Every feature of load_shape_day_v1 of each point, channel and day, and its day type, from readings without estimates."""
    priced = readings.join(
        F.broadcast(points.select("metering_point_id", "tariff_id", "contract_capacity_kva")), "metering_point_id", "left"
    )
    priced = priced.join(F.broadcast(_periods(calendar, tariff)), ["tariff_id", "local_date", "interval"], "left")
    days = _shaped(_grouped(_with_neighbours(priced)))
    typed = days.join(F.broadcast(calendar.select("local_date", "day_type")), "local_date", "left")
    whole = F.col("known") >= LEAST
    chosen = [(F.col(name) if name in ALWAYS else F.when(whole, F.col(name))).alias(name) for name in day_names()]
    return typed.select(*_DAY, "known", "day_type", *chosen)


def _periods(calendar: DataFrame, tariff: DataFrame) -> DataFrame:
    """The tariff period of every quarter hour: tariff_id, local_date, interval, period."""
    dated = calendar.select("local_date").join(tariff, F.expr("valid_from <= local_date AND month = month(local_date)"))
    latest = dated.groupBy("tariff_id", "local_date").agg(F.max_by("periods", "valid_from").alias("periods"))
    return latest.select("tariff_id", "local_date", F.posexplode("periods").alias("interval", "period"))


def _with_neighbours(rows: DataFrame) -> DataFrame:
    """Each reading with the change since the one before, its distance from the day's mean, and that of the reading an hour before."""
    day = Window.partitionBy(*_DAY)
    in_order = day.orderBy("interval")
    apart = rows.withColumn("d", F.col("kwh") - F.avg("kwh").over(day))
    return apart.withColumns({"step": F.col("kwh") - F.lag("kwh").over(in_order), "pair": F.col("d") * F.lag("d", 4).over(in_order)})


def _grouped(rows: DataFrame) -> DataFrame:
    interval, kwh = F.col("interval"), F.col("kwh")
    hours = [F.avg(F.when((interval >= 4 * k) & (interval < 4 * k + 4), kwh)).alias(f"h{k}") for k in HOURS]
    sums = [F.coalesce(F.sum(F.when((interval >= 4 * k) & (interval < 4 * k + 4), kwh)), F.lit(0)).alias(f"s{k}") for k in HOURS]
    parts = [
        F.when(F.first("tariff_id").isNotNull(), F.coalesce(F.sum(F.when(F.col("period") == name, kwh)), F.lit(0))).alias(name)
        for name in TARIFF_PERIODS
    ]
    return rows.groupBy(*_DAY).agg(
        F.count("kwh").alias("known"),
        F.sum("kwh").alias("energy_kwh"),
        F.avg("kwh").alias("mean"),
        F.max("kwh").alias("high"),
        F.min("kwh").alias("low"),
        F.stddev_pop("kwh").alias("deviation"),
        F.count_if(kwh == 0).alias("zeros"),
        F.percentile("kwh", F.array(F.lit(0.05), F.lit(0.5), F.lit(0.95))).alias("q"),
        F.collect_list("kwh").alias("values"),
        F.max_by("interval", F.when(kwh.isNotNull(), F.struct("kwh", -interval))).alias("peak_at"),
        F.max("step").alias("up"),
        F.min("step").alias("down"),
        F.avg(F.abs("step")).alias("moved"),
        F.avg("pair").alias("covariance"),
        F.first("contract_capacity_kva").alias("capacity"),
        *hours,
        *sums,
        *parts,
    )


def _shaped(days: DataFrame) -> DataFrame:
    mean, high, low, energy, q = (F.col(name) for name in ("mean", "high", "low", "energy_kwh", "q"))
    varies, middle = high > low, (q[0] + q[2]) / 2
    above = F.size(F.filter("values", lambda x: x > middle + F.abs(middle) * 1e-9))
    shape = {
        "coverage": F.col("known") / INTERVALS,
        "estimated_share": F.when(F.col("known") > 0, F.lit(0.0)),
        "mean_kw": mean * 4,
        "peak_kw": high * 4,
        "peak_hour": F.col("peak_at") / 4,
        "min_kw": low * 4,
        "base_kw": q[0] * 4,
        "median_kw": q[1] * 4,
        "high_kw": q[2] * 4,
        "peak_valley_difference_kw": (high - low) * 4,
        "ramp_up_kw_per_h": F.greatest("up", F.lit(0)) * 16,
        "ramp_down_kw_per_h": F.greatest(-F.col("down"), F.lit(0)) * 16,
        "mean_ramp_kw_per_h": F.col("moved") * 16,
        "zero_share": F.col("zeros") / F.col("known"),
        "load_factor": _ratio(mean, high),
        "peak_valley_ratio": _ratio(high - low, high),
        "base_ratio": _ratio(q[0], high),
        **{f"{name}_share": _ratio(sum((F.col(f"s{k}") for k in hours), F.lit(0)), energy) for name, hours in WINDOWS.items()},
        "variation": F.when(mean > 0, F.when(varies, F.col("deviation") / mean).otherwise(0)),
        "entropy": _entropy(),
        "autocorrelation_1h": F.when(varies, F.col("covariance") / (F.col("deviation") * F.col("deviation"))),
        "high_load_hours": F.when(varies, above / 4),
        "capacity_utilisation": _ratio(high * 4, F.col("capacity")),
        **{f"energy_{name}_kwh": F.col(name) for name in TARIFF_PERIODS},
        **{f"share_{name}": _ratio(F.col(name), energy) for name in TARIFF_PERIODS},
        "hour_kw": F.array(*[F.col(f"h{k}") * 4 for k in HOURS]),
    }
    return days.select(*_DAY, "known", "energy_kwh", *[column.alias(name) for name, column in shape.items()])


def _entropy() -> Column:
    cells = [F.col(f"h{k}") for k in HOURS]
    total = sum((F.coalesce(c, F.lit(0)) for c in cells), F.lit(0))
    logs = sum((F.when(c > 0, c * F.log(c)).otherwise(0) for c in cells), F.lit(0))
    count = sum((c.isNotNull().cast("int") for c in cells), F.lit(0))
    return F.when((F.least(*cells) >= 0) & (total > 0) & (count > 1), (F.log(total) - logs / total) / F.log(count))


def month_rows(days: DataFrame) -> DataFrame:
    """MONTH_COLUMNS of each point, channel and month."""
    whole = F.when(F.col("known") >= F.lit(LEAST), F.col("energy_kwh"))
    return (
        days.groupBy("metering_point_id", "channel", "local_month")
        .agg(
            F.sum("energy_kwh").alias("energy_kwh"),
            F.avg(whole).alias("daily_kwh_mean"),
            F.min(whole).alias("daily_kwh_min"),
            F.max(whole).alias("daily_kwh_max"),
            F.avg("mean_kw").alias("mean_kw"),
            F.max("peak_kw").alias("peak_kw"),
            F.avg("zero_share").alias("zero_share"),
        )
        .withColumn("load_factor", _ratio(F.col("mean_kw"), F.col("peak_kw")))
    )


def _ratio(part: Column, whole: Column) -> Column:
    return F.when(whole > 0, part / whole)
