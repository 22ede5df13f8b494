"""Rules as Spark columns: which rules a row breaks."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from gridlens.quality.rules import Rule, RuleSet, entity_fields
from gridlens.tables import Field, Sensitivity

DEFECT_TYPE = "array<struct<rule:string,severity:string,detail:string>>"
_SHOWN_CHARACTERS = 60
_DAY = 86400


def broken_column(rule: Rule) -> Column:
    """TRUE where a row breaks the rule, else FALSE; never null."""
    return rule.implementation.build(entity_fields(rule.entity), **rule.arguments)


def defects_column(ruleset: RuleSet, entity: str) -> Column:
    """The rules that a row breaks, in the order of their ids; null where none.

    The columns are the entity's contract fields, any of them null, and ``known_from``. The detail names the
    fields with their values, or ``(personal)`` for a personal field.
    """
    rules = ruleset.for_entity(entity)
    if not rules:
        return F.lit(None).cast(DEFECT_TYPE)
    broken = [(rule, broken_column(rule)) for rule in rules]
    # Most rows break nothing: one condition decides that, the list is only built for the others.
    defects = F.array(*[F.when(column, _defect(rule)) for rule, column in broken])
    return F.when(_any([column for _, column in broken]), F.array_compact(defects)).cast(DEFECT_TYPE)


def _any(conditions: list[Column]) -> Column:
    return reduce(lambda a, b: a | b, conditions, F.lit(False))


def _defect(rule: Rule) -> Column:
    return F.struct(F.lit(rule.id).alias("rule"), F.lit(rule.severity).alias("severity"), _detail(rule).alias("detail"))


def _detail(rule: Rule) -> Column:
    fields = entity_fields(rule.entity)
    if rule.function == "required":  # naming the fields that are there would hide the one that is not
        empty = [F.when(rule.implementation.build(fields, fields=(name,)), F.lit(f"{name}=null")) for name in rule.fields]
        return F.concat_ws(", ", *empty)
    return F.concat_ws(", ", *[F.concat(F.lit(f"{name}="), _shown(fields[name])) for name in rule.fields])


def _shown(field: Field) -> Column:
    """A field's value as short text, the same in every session zone."""
    if field.sensitivity is Sensitivity.PERSONAL:
        return F.lit("(personal)")
    column = F.col(field.name)
    if field.type.startswith("array"):
        text = F.concat(F.lit("["), F.array_min(column).cast("string"), F.lit(" to "), F.array_max(column).cast("string"), F.lit("]"))
    elif field.type == "timestamp":
        seconds = F.unix_seconds(column)
        day, rest = F.date_from_unix_date(F.floor(seconds / _DAY).cast("int")), F.pmod(seconds, F.lit(_DAY))
        clock = [F.lpad(part.cast("int").cast("string"), 2, "0") for part in (F.floor(rest / 3600), F.floor(rest % 3600 / 60), rest % 60)]
        text = F.concat(day.cast("string"), F.lit("T"), F.concat_ws(":", *clock), F.lit("Z"))
    else:
        text = F.substring(column.cast("string"), 1, _SHOWN_CHARACTERS)
    return F.coalesce(text, F.lit("null"))
