"""The scorecards that are defined, and the fitted ones that serve."""

from __future__ import annotations

from gridlens.errors import RegistryError, SettingsError, nearest
from gridlens.models.scorecard import Scorecard
from gridlens.models.scorecard_library import ScorecardPlan
from gridlens.pipelines.declared import scorecard_plans
from gridlens.reports.scorecard_page import scorecard_markdown
from gridlens.settings import Settings
from gridlens.tracking import CHALLENGER, CHAMPION, Store, Version

CARD = "scorecard.json"
SPARK_FREE = "_spark_free"
"""After a scorecard's id: the registered model that needs no Spark."""
OF_SCORECARD = "gridlens_scorecard_version"
"""Tag of a version without Spark: the version of the scorecard that it is the same as."""


def scorecard_plan(settings: Settings, identity: str) -> ScorecardPlan:
    """The scorecard with this id.

    Raises:
        DefinitionError: a definition does not hold. SettingsError: there is none of this id.
    """
    known = {plan.definition.id: plan for plan in scorecard_plans(settings)}
    if identity not in known:
        raise SettingsError(f"scorecard {identity} is not defined; {nearest(identity, known, 'expected one of ' + ', '.join(known))}")
    return known[identity]


def champion_card(store: Store, plan: ScorecardPlan) -> tuple[Scorecard, Version]:
    """The champion scorecard and its version; raises RegistryError where there is none."""
    identity = plan.definition.id
    try:
        version = store.version(identity)
    except RegistryError as error:
        raise RegistryError(f"scorecard {identity} has no champion: run `gridlens credit train --scorecard {identity}`") from error
    return Scorecard.from_json(store.served_text(version, CARD)), version


def align_likeness(store: Store, version: Version, reason: str) -> None:
    """Gives the likeness without Spark the alias that its scorecard's version has; what has it already stays as it is."""
    for like in store.versions(version.model + SPARK_FREE):
        if like.tags.get(OF_SCORECARD) != str(version.version):
            continue
        if CHAMPION in version.aliases and CHAMPION not in like.aliases:
            store.promote(like.model, like.version, reason=reason)
        elif CHALLENGER in version.aliases and CHALLENGER not in like.aliases:
            store.challenge(like.model, like.version, reason=reason)


def champion_markdown(settings: Settings, identity: str) -> str:
    """The champion scorecard as Markdown, read without Spark; raises RegistryError where there is none."""
    card, _ = champion_card(Store.open(settings), scorecard_plan(settings, identity))
    return scorecard_markdown(card)
