"""Processes that electricity can take over, as they stand in conf/substitution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field as ModelField
from pydantic import model_validator

from gridlens.definitions import Frozen, fingerprint_of, parse_definitions
from gridlens.expressions import Checked, check

Fuel = Literal["coal", "gas", "oil"]


class Process(Frozen):
    """A process that burns fuel.

    Attributes:
        id, name_zh, name_en: what it is called.
        population: checked boolean expression over account_feature_v1: accounts that have the process.
        heat_kwh: checked expression: useful heat that it needs in a year, kWh.
        fuel: what it burns.
        fuel_efficiency: useful heat by energy of the fuel.
        electric_efficiency: useful heat by electricity; above 1 for heat pumps.
    """

    id: str = ModelField(pattern=r"^[a-z][a-z0-9_]*$")
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    population: str = ModelField(min_length=1)
    heat_kwh: str | float
    fuel: Fuel
    fuel_efficiency: float = ModelField(gt=0, le=1)
    electric_efficiency: float = ModelField(gt=0, le=6)


class SubstitutionDefinition(Frozen):
    """A file of conf/substitution.

    Attributes:
        grid_kg_co2_per_kwh: CO2 of a kWh of electricity.
        fuel_kg_co2_per_kwh: CO2 of a kWh of each fuel's energy.
        default_price: CNY/kWh of accounts whose own is not known.
        candidates: most accounts on the list of candidates.
        population: checked boolean expression over account_feature_v1 that limits all processes; where it is not true, there is none.
        known_fuel: checked text expression: the fuel that is known to be burnt; null, or none of the fuels: the process's counts.
        processes: the first whose population holds is the account's.
    """

    grid_kg_co2_per_kwh: float = ModelField(ge=0)
    fuel_kg_co2_per_kwh: Mapping[Fuel, float]
    default_price: float = ModelField(gt=0)
    candidates: int = ModelField(default=1000, ge=1, le=100_000)
    population: str = ModelField(default="true", min_length=1)
    known_fuel: str = ModelField(default="null", min_length=1)
    processes: tuple[Process, ...] = ModelField(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> SubstitutionDefinition:
        names = [process.id for process in self.processes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"process {', '.join(twice)} stands twice; keep one")
        lacking = sorted({process.fuel for process in self.processes} - set(self.fuel_kg_co2_per_kwh))
        if lacking:
            raise ValueError(f"fuel_kg_co2_per_kwh lacks {', '.join(lacking)}, which a process burns")
        return self


@dataclass(frozen=True)
class Substitution:
    """A definition that holds: what is common to all processes, and each with its checked population and heat."""

    definition: SubstitutionDefinition
    population: Checked
    known_fuel: Checked
    processes: tuple[tuple[Process, Checked, Checked], ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the expressions read."""
        expressions = [self.population, self.known_fuel, *(one for _, *both in self.processes for one in both)]
        return frozenset().union(*[one.columns for one in expressions])

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the definition."""
        return fingerprint_of(self.definition.model_dump(mode="json"))


def load_substitution(path: str | Path, columns: Mapping[str, str]) -> Substitution:
    """Reads and checks a file of conf/substitution.

    Args:
        path: the file.
        columns: columns of account_feature_v1 with their Spark types.

    Raises:
        DefinitionError: names file and line: a field or an expression that does not hold.
    """
    origin = parse_definitions(SubstitutionDefinition, path)[0]
    checked = [
        (
            process,
            check(process.population, columns, origin.where("processes", i, "population"), family="boolean"),
            check(str(process.heat_kwh), columns, origin.where("processes", i, "heat_kwh"), family="number"),
        )
        for i, process in enumerate(origin.value.processes)
    ]
    population = check(origin.value.population, columns, origin.where("population"), family="boolean")
    known_fuel = check(origin.value.known_fuel, columns, origin.where("known_fuel"), family="text")
    return Substitution(origin.value, population, known_fuel, tuple(checked))
