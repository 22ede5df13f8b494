"""What is there of a scorecard, read without Spark."""

from __future__ import annotations

from gridlens.pipelines.credit_train import champion_card, scorecard_plan
from gridlens.reports.scorecard_page import scorecard_markdown
from gridlens.settings import Settings
from gridlens.tracking import Store


def champion_markdown(settings: Settings, identity: str) -> str:
    """The champion scorecard as Markdown; raises RegistryError where there is none."""
    card, _ = champion_card(Store.open(settings), scorecard_plan(settings, identity))
    return scorecard_markdown(card)
