"""Tags: account features of one day → the value of every tag, what changed, and the catalogue with coverage and drift."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.tag import OLD, TAG_CATALOGUE, TAG_CURRENT, TAG_VALUE, TagColumn, ValueType, tag_current_table
from gridlens.lease import writer_lease
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.history import last_run
from gridlens.pipelines.moments import not_before, of_moment
from gridlens.pipelines.options import TagOptions
from gridlens.pipelines.scores import Served, scores_stand, served_at, with_scores
from gridlens.pipelines.tag_state import Moment, TagState, note_of_values, required_features, tag_state
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import Sensitivity, empty, literal_in
from gridlens.tags.changes import tag_changes
from gridlens.tags.engine import evaluate
from gridlens.tags.library import Tag, TagLibrary
from gridlens.tags.measures import catalogue_rows, distributions
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]


@dataclass(frozen=True)
class Drifted:
    """A tag whose distribution moved more than the limit since the run before."""

    tag: str
    psi: float
    holds: int
    accounts: int


@dataclass(frozen=True)
class TagsResult:
    """What was computed.

    Attributes:
        computed: tags computed; of all that are defined.
        defined: tags defined.
        changes: rows of tag_value_v1 at this moment: one for each account and tag whose value is another than at the moment before.
        drifted: tags over the limit of drift.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    accounts: int
    computed: int
    defined: int
    changes: int
    drifted: tuple[Drifted, ...]
    seconds: float


def run_tags(
    spark: SparkSession, settings: Settings, options: TagOptions, *, library: TagLibrary | None = None, say: Say = print
) -> TagsResult:
    """Computes the tags of the accounts at one ``as_of``; those alone whose definition changed where ``options.changed``.

    ``library`` are the definitions where they have been read already. Tags that are refreshed monthly are computed in the first run of
    a month, when their definition changes, when the features of the very moment at which they were computed were replaced, and of an
    account that has no values yet.

    Raises:
        DefinitionError: a tag does not hold; names file, line and remedy.
        SourceError: there are no account features of that day.
        SettingsError: the tags of a later day are there already.
    """
    library = library or tag_library(settings)
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        state = tag_state(warehouse)
        as_of, known_at = state.moment if options.changed and state.moment else (options.as_of, options.known_at)
        moment = required_features(warehouse, as_of, known_at)
        run = Run("tags", {"changed": options.changed}, as_of=moment.as_of, known_at=moment.known_at)
        served = served_at(warehouse, library.models, moment)
        stand = scores_stand(warehouse, library.scores_read, served, moment)
        inputs = {"features": moment.run_id, **stand}
        run.fingerprints = {"tags": library.fingerprint, **inputs}
        with logged(warehouse, run):
            at = (moment.as_of, moment.known_at)
            not_before(state.moment, at, what="tags", table=TAG_VALUE.name)
            due = state.due(library, moment, inputs, changed_only=options.changed)
            # Values of a run that died before the run log had it are new to the jobs that ask the log: they must see a success.
            run.nothing_new = not due and last_run(warehouse, "tags") == (run.fingerprints, *at)
            return _compute(warehouse, library, due, state, served, moment, run, say)


def _compute(
    warehouse: Warehouse, library: TagLibrary, due: Collection[str], state: TagState, served: Served, moment: Moment, run: Run, say: Say
) -> TagsResult:
    tags = [tag for tag in library.tags if tag.id in due]
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at))
    accounts = features.count()
    features = with_scores(features, warehouse, library.scores_read, served, moment)
    changes, drifted = _write(warehouse, library, features, tags, state, moment, run, say) if tags else (0, ())
    for name, rows in ((TAG_VALUE.name, changes), (TAG_CATALOGUE.name, len(tags)), (TAG_CURRENT.name, accounts)) if tags else ():
        run.wrote(f"gold.{name}", rows)
    return TagsResult(
        run.run_id, moment.as_of, moment.known_at, not tags, accounts, len(tags), len(library.tags), changes, drifted, run.seconds
    )


def _write(
    warehouse: Warehouse, library: TagLibrary, features: DataFrame, tags: list[Tag], state: TagState, moment: Moment, run: Run, say: Say
) -> tuple[int, tuple[Drifted, ...]]:
    """Writes changes, catalogue and, last, current values; gives the number of changes and the tags that drifted."""
    table = tag_current_table(library.columns)
    warehouse.create(table)
    warehouse.widen(table)
    current = warehouse.read(table)
    others = _of_others(current, library, state, moment)
    wide, compared = _before_after(features, current.select(*table.columns, *others), library, tags, state)
    wide = wide.persist()  # planning it once more costs as much again
    try:
        with timed(say, f"{len(tags)} tags, changes"):
            changes = _write_changes(warehouse, tag_changes(wide, compared, as_of=moment.as_of, known_at=moment.known_at), state, moment)
        with timed(say, "catalogue and drift"):
            drifted = _catalogue(warehouse, wide, tags, state, moment)
        with timed(say, "current values"):
            of_run = {"as_of": F.lit(moment.as_of), "known_at": F.lit(moment.known_at)}
            whole = tag_current_table([*library.columns, *others.values()])
            note = _note(library, tags, others, state, moment, run)
            warehouse.replace(whole, wide.withColumns(of_run), where="true", note=note)
    finally:
        wide.unpersist()
    return changes, drifted


def _note(library: TagLibrary, tags: list[Tag], others: Collection[str], state: TagState, moment: Moment, run: Run) -> str:
    """What the current values were made from.

    Where a run computes only tags whose definition changed, the others stay those of the features before: the next whole run has
    to see that, so that the values do not depend on which run came first.
    """
    partly = run.parameters["changed"] and len(tags) < len(library.tags)
    inputs = state.inputs if partly else {name: value for name, value in run.fingerprints.items() if name != "tags"}
    kept = {name: state.definitions[name] for name in others}
    return note_of_values(moment, definitions=kept | {tag.id: tag.stamp for tag in library.tags}, inputs=inputs)


def _of_others(current: DataFrame, library: TagLibrary, state: TagState, moment: Moment) -> dict[str, TagColumn]:
    """Columns of tags that this run knows no definition of (an analyst's own), by name; they keep their values for their time to live."""
    own = {*TAG_CURRENT.columns, *library.ids}
    alive = {row["tag_id"] for row in state.rows if (moment.as_of - row["as_of"]).days <= row["ttl_days"]}
    kept = (alive & state.definitions.keys()) - own
    types: dict[str, ValueType] = {f.name: "boolean" if f.dataType == BooleanType() else "text" for f in current.schema.fields}
    return {name: TagColumn(name, types[name], name, Sensitivity.INTERNAL) for name in current.columns if name in kept}


def _before_after(
    features: DataFrame, current: DataFrame, library: TagLibrary, tags: list[Tag], state: TagState
) -> tuple[DataFrame, Sequence[Tag]]:
    """One row per account: of every tag the value that now counts, of those compared also ``old_<id>``; and the tags compared.

    A tag that is not computed keeps its value. An account without any values has none to keep: all its tags are computed.
    """
    accounts = current.select("account_id")
    kept = [identity for identity in library.ids if identity not in {tag.id for tag in tags}]
    new = features.join(accounts, on="account_id", how="left_anti")
    if not kept or empty(new):
        return _evaluated(features, current, library, tags, state), tags
    seen = features.join(accounts, on="account_id", how="left_semi")
    rows = _evaluated(seen, current, library, tags, state).withColumns({OLD + name: F.col(name) for name in kept})
    return rows.unionByName(_evaluated(new, current, library, library.tags, state)), library.tags


def _evaluated(features: DataFrame, current: DataFrame, library: TagLibrary, tags: Sequence[Tag], state: TagState) -> DataFrame:
    """``tags`` computed and the others as ``current`` has them, beside the values before.

    A tag that was never computed for the account counted as false, or as no text.
    """
    computed = {tag.id for tag in tags}
    known = [identity for identity in library.ids if identity not in computed]
    kept = [name for name in current.columns if name not in {*TAG_CURRENT.columns, *computed}]
    old = current.select("account_id", F.lit(True).alias("_seen"), *kept, *[F.col(tag.id).alias(OLD + tag.id) for tag in tags])
    before = {OLD + tag.id: _value_before(tag, known=tag.id in state.computed) for tag in tags}
    joined = features.join(old, on="account_id", how="left").withColumns(before)
    return evaluate(joined, library, only=computed, known=known, keep=[*kept, *before])


def _value_before(tag: Tag, *, known: bool) -> Column:
    nothing = F.lit(False) if tag.value_type == "boolean" else F.lit(None).cast("string")
    return F.when(F.col("_seen"), F.col(OLD + tag.id)).otherwise(nothing) if known else nothing


def _write_changes(warehouse: Warehouse, changes: DataFrame, state: TagState, moment: Moment) -> int:
    """Writes the changes of this run; gives the number of rows at its moment.

    Where the current values are of an earlier moment, rows of this one can only be of a run that died before it wrote its
    current values: they are replaced, because another definition may have changed other values.
    """
    where = f"{literal_in('valid_from', [moment.as_of])} AND {literal_in('known_from', [moment.known_at])}"
    if state.moment == (moment.as_of, moment.known_at):
        warehouse.merge(TAG_VALUE, changes, prune={"valid_from": [moment.as_of]})
    else:
        warehouse.replace(TAG_VALUE, changes, where=where)
    return warehouse.read(TAG_VALUE).where(where).count()


def _catalogue(warehouse: Warehouse, wide: DataFrame, tags: list[Tag], state: TagState, moment: Moment) -> tuple[Drifted, ...]:
    """Writes the catalogue's rows of this run; gives the tags that drifted."""
    before = state.distributions(moment)
    rows = catalogue_rows(tags, distributions(wide, tags, compared=True), as_of=moment.as_of, known_at=moment.known_at, before=before)
    frame = warehouse.spark.createDataFrame([tuple(row.values()) for row in rows], TAG_CATALOGUE.schema).coalesce(1)
    warehouse.merge(TAG_CATALOGUE, frame)
    return tuple(Drifted(row["tag_id"], round(row["psi"], 3), row["holds"], row["accounts"]) for row in rows if row["drift_warning"])
