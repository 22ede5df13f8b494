"""What the model store keeps of a version of time to pay: parameters, figures, the pipeline, the card; then the decision about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass

from pyspark.sql import DataFrame

from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.gate import Decision
from gridlens.models.survival import TimeToPay
from gridlens.models.time_to_pay_judgement import Judgement
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.model_log import DEFINITION, categories
from gridlens.pipelines.tag_state import Moment
from gridlens.reports.time_to_pay_card import TimeToPayCard, markdown, page
from gridlens.runs import Run
from gridlens.tracking import Store, Version, made_from

MODEL = "time_to_pay"


@dataclass(frozen=True, eq=False)
class MadeTimeToPay:
    """A model that was fitted and judged.

    Attributes:
        train: the bills it was fitted on; moments: of their features, oldest first.
        judged: on the bills of a later moment, which were seen until ``last``.
    """

    definition: TimeToPayDefinition
    fitted: TimeToPay
    judged: Judgement
    train: DataFrame
    moments: tuple[dt.date, ...]
    last: dt.date

    @property
    def decision(self) -> Decision:
        return self.judged.decision(min_gain=self.definition.min_gain, tolerance=self.definition.tolerance)


def log_time_to_pay(store: Store, made: MadeTimeToPay, moment: Moment, run: Run, *, min_group: int) -> Version:
    """Logs and registers a version, and gives it its alias: champion in the place of the one it was judged against, or challenger.

    Raises:
        PlatformError: the store does not answer.
    """
    definition, fitted, decision, data = made.definition, made.fitted, made.decision, table_digest(made.train)
    tags = made_from(moment.as_of, moment.known_at, run.run_id)
    record = _record(made)
    params = {"definition_version": definition.version, "features": len(definition.features), "train_bills": fitted.rows, **record}
    with store.run(MODEL, params=params, tags=tags, name=f"{MODEL} {moment.as_of}") as tracked:
        tracked.log_fingerprints(definition=definition.fingerprint, data=data)
        tracked.log_metrics(_metrics(made))
        tracked.log_json(definition.model_dump(mode="json"), DEFINITION)
        tracked.log_json({**record, "train_bills": fitted.rows, "train_settled": fitted.settled}, "training.json")
        tracked.log_json(asdict(decision), "decision.json")
        schema = made.train.select(*definition.names).schema
        tracked.log_pipeline(fitted.pipeline, schema, categories=categories(definition.features))
        version = tracked.register()
        card = _card(made, decision, version.version, moment, run, data, min_group)
        tracked.log_text(markdown(card), "model_card.md")
        tracked.log_text(page(card), "model_card.html")
    reason = " ".join(decision.reasons)
    if decision.champion:
        return store.succeed(MODEL, version.version, after=made.judged.champion, reason=reason)
    return store.challenge(MODEL, version.version, reason=reason)


def _record(made: MadeTimeToPay) -> dict[str, object]:
    until = str(made.judged.as_of)
    return {"moments": [*map(str, made.moments), until], "until": until, "judged_until": str(made.last)}


def _metrics(made: MadeTimeToPay) -> dict[str, float | None]:
    judged, against = made.judged, made.judged.against
    found = {
        "concordance": judged.concordance,
        "baseline.concordance": judged.baseline,
        "test_bills": judged.bills,
        "test_settled": judged.settled,
        "expected_days": judged.expected_days,
        "days_settled": judged.days_settled,
        "train_settled": made.fitted.settled,
        "spread": made.fitted.spread,
    }
    if against:
        found["champion.concordance"] = against.other_concordance
        found |= {f"champion.{name}": getattr(against, name) for name in ("difference", "low", "high")}
    return found


def _card(made: MadeTimeToPay, decision: Decision, version: int, moment: Moment, run: Run, data: str, min_group: int) -> TimeToPayCard:
    return TimeToPayCard(
        definition=made.definition,
        version=version,
        known_at=moment.known_at,
        judged=made.judged,
        decision=decision,
        moments=made.moments,
        last=made.last,
        train_bills=made.fitted.rows,
        train_settled=made.fitted.settled,
        spread=made.fitted.spread,
        fingerprints={"definition": made.definition.fingerprint, "rows": data},
        min_group=min_group,
        run_id=run.run_id,
    )
