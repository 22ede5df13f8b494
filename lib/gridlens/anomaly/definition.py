"""How abnormal usage is looked for, as it stands in conf/anomaly/usage.yml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field as ModelField

from gridlens.definitions import Frozen, fingerprint_of, parse_definitions
from gridlens.errors import nearest
from gridlens.expressions import Checked, check

NUMBERS = ("double", "int", "bigint")
PeerColumn = Literal["category", "industry_code", "area_id", "org_unit_id"]


class Examples(Frozen):
    """What the model learns from.

    Attributes:
        accounts: about how many accounts give examples.
        copies: examples of each pattern and account.
        earlier_days: each account gives an untouched example that ends so many days ago, too.
        least_kwh: usual day of an account from which patterns are put into its days.
        inspection_weight: an inspected account counts like so many untouched ones.
    """

    accounts: int = ModelField(default=3000, ge=50)
    copies: int = ModelField(default=1, ge=1, le=10)
    earlier_days: tuple[int, ...] = (28, 56, 84)
    least_kwh: float = ModelField(default=0.3, gt=0)
    inspection_weight: float = ModelField(default=3.0, ge=0)


class Trees(Frozen):
    """The boosted trees that weigh the evidence (MLlib GBTClassifier).

    Attributes:
        models: so many boosted models are averaged, each of its own seed: which single odd homes stand first is chance otherwise. With
            one of 120 trees MAP@100 was 0.932, 0.925, 0.883 by three seeds, with two of 80 0.940 (bench.thefts, 2026-11).
        min_rows: examples in a leaf. With 1, as MLlib has it, single odd homes were learnt by heart and stood first: on thefts in London
            homes MAP@100 was 0.84, with 20 it was 0.91 (bench.thefts, 2026-11).
    """

    models: int = ModelField(default=2, ge=1, le=10)
    trees: int = ModelField(default=60, ge=5, le=500)
    max_depth: int = ModelField(default=4, ge=2, le=8)
    step_size: float = ModelField(default=0.15, gt=0, le=1)
    feature_share: float = ModelField(default=0.3, gt=0, le=1)
    min_rows: int = ModelField(default=20, ge=1)
    seed: int = 20260331


class Visits(Frozen):
    """What field staff can do, and what their visits say.

    Attributes:
        per_week: visits that the teams can make in a week.
        normal_odds: factor of the odds where a visit after the change found everything in order.
        repeat_odds: factor of the odds where an earlier visit found something, before this change.
        settled_days: a change up to so many days after a finding was put right belongs to that finding.
        prior_hits, prior_visits: what is believed of a kind of alert before its first visits: hits of visits.
        judged_days: an alert's visit must come within so many days to say something of its kind.
    """

    per_week: int = ModelField(default=20, ge=1)
    normal_odds: float = ModelField(default=0.1, gt=0, le=1)
    repeat_odds: float = ModelField(default=2.0, ge=1)
    settled_days: int = ModelField(default=21, ge=0)
    prior_hits: float = ModelField(default=4.0, gt=0)
    prior_visits: float = ModelField(default=8.0, gt=0)
    judged_days: int = ModelField(default=120, ge=7)


class UsageGate(Frozen):
    """What must be reached, on examples that it did not learn from, by what was learnt for its alerts to be told.

    Attributes:
        min_gain: least gain of the ROC-AUC over the residual alone.
        max_calibration_error: greatest expected calibration error (ten bins of equal size).
    """

    min_gain: float = ModelField(default=0.02, ge=-1, le=1)
    max_calibration_error: float = ModelField(default=0.1, gt=0, le=1)


class Misuse(Frozen):
    """Business under a household tariff: households that use energy as businesses do.

    Attributes:
        household: which accounts have a household tariff; a checked expression over the account features.
        features: account features that tell how energy is used.
        trees, max_depth: of the random forest that tells households from businesses.
        least_accounts: of either, to learn from.
        price_difference: between a business tariff and a household's, for a kilowatt hour.
        seed: of the forest.
    """

    household: str
    features: tuple[str, ...] = ModelField(min_length=3)
    trees: int = ModelField(default=60, ge=10, le=500)
    max_depth: int = ModelField(default=10, ge=2, le=15)
    least_accounts: int = ModelField(default=50, ge=10)
    price_difference: float = ModelField(default=0.2, gt=0)
    seed: int = 20260331


class UsageDefinition(Frozen):
    """Where abnormal usage is looked for, what it is learnt from and who is visited.

    Attributes:
        owner: who answers for what is learnt.
        version: of the definition, raised by its author.
        peers: what accounts of one group have in common, the most general first.
        least_peers: accounts of a group; smaller ones fall back on fewer columns.
        peer_sample: accounts of a group whose median is the usual account.
        supply_meter: which metering points measure what a transformer supplies.
        least_days: days known of the last 365 for an account to be judged.
        prior: share of accounts with abnormal usage that is believed beforehand.
        least_probability: an alert needs at least so much.
        lived_in_probability: of an empty home that is lived in, at least; 0: what was learnt decides alone.
        recovery_days: energy of so many days before as_of can be charged afterwards.
        default_price: for accounts without a bill.
        misuse: how business under a household tariff is looked for; none: it is not.
        more_share: part of energy beyond what was expected that counts as lost: a price difference, where a supply is resold.
        gate: what must be reached by what is learnt.
    """

    name_zh: str
    name_en: str
    owner: str = ModelField(default="metering inspection", min_length=1)
    version: int = ModelField(default=1, ge=1)
    peers: tuple[PeerColumn, ...] = ("category", "area_id")
    least_peers: int = ModelField(default=40, ge=5)
    peer_sample: int = ModelField(default=400, ge=20, le=2000)
    supply_meter: str = "tariff_id is null"
    least_days: int = ModelField(default=120, ge=60, le=365)
    prior: float = ModelField(default=0.02, gt=0, lt=0.5)
    least_probability: float = ModelField(default=0.1, ge=0, le=1)
    lived_in_probability: float = ModelField(default=0.3, ge=0, lt=1)
    recovery_days: int = ModelField(default=365, ge=30, le=720)
    default_price: float = ModelField(default=0.6, gt=0)
    more_share: float = ModelField(default=0.2, ge=0, le=1)
    examples: Examples = Examples()
    trees: Trees = Trees()
    visits: Visits = Visits()
    gate: UsageGate = UsageGate()
    misuse: Misuse | None = None


_WORDING = frozenset({"name_zh", "name_en", "owner"})
_LEARNT = frozenset({"peers", "least_peers", "peer_sample", "supply_meter", "least_days", "prior", "examples", "trees", "gate", "version"})
"""What a registered version depends on; the rest says what its alerts are worth."""


@dataclass(frozen=True)
class Usage:
    """The definition, with its expression checked."""

    definition: UsageDefinition
    supply_meter: Checked = field(repr=False, compare=False)
    household: Checked | None = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """Of what the definition says, names left out: first 16 hex digits."""
        return fingerprint_of(self.definition.model_dump(mode="json", exclude=set(_WORDING)))

    @property
    def fingerprint_of_learnt(self) -> str:
        """Of what it says of evidence, of what is learnt from it and how that is judged: SHA-256 (hex)."""
        return fingerprint_of(self.definition.model_dump(mode="json", include=set(_LEARNT)))


def load_usage(file: Path, points: Mapping[str, str], features: Mapping[str, str]) -> Usage:
    """The definition in ``file``; raises DefinitionError that names file and line.

    Args:
        file: YAML.
        points: columns of a metering point, with their types.
        features: the account features, with their types.
    """
    (origin,) = parse_definitions(UsageDefinition, file)
    definition = origin.value
    supply_meter = check(definition.supply_meter, points, origin.where("supply_meter"), family="boolean")
    misuse = definition.misuse
    if misuse is None:
        return Usage(definition, supply_meter, None)
    for i, name in enumerate(misuse.features):
        if features.get(name) not in NUMBERS:
            hint = nearest(name, [n for n, kind in features.items() if kind in NUMBERS], "see docs/tables.md, account_feature_v1")
            raise origin.error(f"{name} is no numeric account feature; {hint}", at=("misuse", "features", i))
    household = check(misuse.household, features, origin.where("misuse", "household"), family="boolean")
    return Usage(definition, supply_meter, household)
