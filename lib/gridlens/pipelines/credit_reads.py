"""What is there of a scorecard, read without Spark."""

from __future__ import annotations

from gridlens.models.scorecard import Scorecard
from gridlens.pipelines.credit_train import CARD, scorecard_plan
from gridlens.reports.scorecard_page import scorecard_markdown
from gridlens.settings import Settings
from gridlens.tracking import Store


def champion_markdown(settings: Settings, identity: str) -> str:
    """The champion scorecard as Markdown; raises RegistryError where there is none."""
    plan = scorecard_plan(settings, identity)
    store = Store.open(settings)
    return scorecard_markdown(Scorecard.from_json(store.text(store.version(plan.definition.id), CARD)))
