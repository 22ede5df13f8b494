"""Reads conf/checks/context.yml: the bounds of the checks in context and of the estimates."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field as ModelField

from gridlens.definitions import Frozen, fingerprint_of, parse_definitions
from gridlens.quality.opinions import CONTEXT_DAYS, OpinionSettings

_CONTEXT_HOURS = 24 * CONTEXT_DAYS


class ContextChecks(Frozen):
    """The bounds; what each means is said by :class:`~gridlens.quality.opinions.OpinionSettings`, whose fields they are.

    None may reach further than the 31 days that a month's opinions look at.
    """

    spike_floor_kw: float = ModelField(ge=0)
    spike_times_peak: float = ModelField(ge=1)
    spike_deviations: float = ModelField(gt=0)
    flatline_hours: float = ModelField(gt=0, le=_CONTEXT_HOURS)
    flatline_days: int = ModelField(ge=2, le=CONTEXT_DAYS)
    zero_hours: float = ModelField(gt=0, le=_CONTEXT_HOURS)
    zero_times_usual: float = ModelField(ge=1)
    register_relative: float = ModelField(ge=0, le=1)
    register_digit_kwh: float = ModelField(ge=0)
    interpolate_hours: float = ModelField(ge=0, le=24)
    empty_days: int = ModelField(ge=0, le=CONTEXT_DAYS)
    scale_to_register: bool

    @property
    def bounds(self) -> OpinionSettings:
        """As the kernels take them."""
        return OpinionSettings(**self.model_dump())

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the bounds."""
        return fingerprint_of(self.model_dump(mode="json"))


def load_context(file: Path) -> ContextChecks:
    """The bounds in ``file``; raises DefinitionError that names file and line of the first mistake."""
    (origin,) = parse_definitions(ContextChecks, file)
    return origin.value
