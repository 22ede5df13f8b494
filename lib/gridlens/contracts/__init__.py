"""Every table's contract, by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridlens.errors import SettingsError, nearest

if TYPE_CHECKING:
    from gridlens.tables import Table

LAYERS = ("bronze", "silver", "gold", "ops")


def all_tables() -> dict[str, Table]:
    """Every declared table by ``layer.name``, layer by layer."""
    # Imported here, because the layers' modules are inside this package and import one another.
    from gridlens.contracts.bronze import BRONZE
    from gridlens.contracts.gold import GOLD
    from gridlens.contracts.ops import OPS
    from gridlens.contracts.silver import SILVER

    return {f"{table.layer}.{table.name}": table for layer in (BRONZE, SILVER, GOLD, OPS) for table in layer.values()}


def find_table(name: str) -> Table:
    """The table called ``layer.name``, or ``name``; a bare name that two layers share means silver before gold, ops, bronze.

    Raises:
        SettingsError: there is none; names the nearest.
    """
    tables = all_tables()
    for full in (name, *(f"{layer}.{name}" for layer in ("silver", "gold", "ops", "bronze"))):
        if full in tables:
            return tables[full]
    hint = nearest(name, [*tables, *(table.name for table in tables.values())], "`gridlens tables` lists them")
    raise SettingsError(f"table {name} is not declared; {hint}")
