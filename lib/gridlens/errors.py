"""The exceptions a user may meet. Each message is one sentence: what is wrong, where, what to do."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """The hint behind an unknown name: the known one most like it, or ``otherwise``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else otherwise


class GridlensError(Exception):
    """Base of every expected failure: the command line prints its message and exits non-zero."""

    exit_code = 1


class SettingsError(GridlensError):
    """A setting is missing, unknown or of the wrong kind."""

    exit_code = 2


class DefinitionError(GridlensError):
    """A YAML definition (source, rule, tariff, calendar, …) does not hold; names file and line."""

    exit_code = 2


class SourceError(GridlensError):
    """A source file or table cannot be read as declared, names file and column; or its rows cannot teach what is to be learned."""

    exit_code = 3


class ContractError(GridlensError):
    """Data about to be written does not match its table's contract."""

    exit_code = 4


class QualityStop(GridlensError):
    """A rule of severity ``stop`` was broken beyond its tolerance: nothing was published."""

    exit_code = 5


class PlatformError(GridlensError):
    """The machine lacks something: Java, Delta's jars, disk, memory, write access."""

    exit_code = 6


class LeaseHeld(GridlensError):
    """Another writer works in the same warehouse."""

    exit_code = 7


class RegistryError(GridlensError):
    """The model registry lacks what is asked for, or what it holds must not be loaded."""

    exit_code = 8
