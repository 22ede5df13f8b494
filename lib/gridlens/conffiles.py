"""Finds configuration files: the user's folder shadows the packaged ``gridlens.conf`` file by file."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from gridlens.errors import SettingsError


def existing_folder(conf_dir: str | Path | None) -> Path | None:
    """The user's folder as an absolute path, or None where none is given; raises SettingsError where it does not exist."""
    if not conf_dir:
        return None
    folder = Path(conf_dir).expanduser().resolve()
    if not folder.is_dir():
        raise SettingsError(f"configuration folder {conf_dir} does not exist: give --conf (or GRIDLENS_CONF) a folder with YAML files")
    return folder


def file_named(user: Path | None, name: str) -> Path:
    """The file ``name`` (as ``base.yml`` or ``sources/x.yml``) of the user's folder, else of the package.

    Raises:
        SettingsError: neither has it; names the ones there are.
    """
    for base in (user, packaged()):
        if base and (base / name).is_file():
            return base / name
    known = ", ".join(sorted(_entries(user, name.rpartition("/")[0], ".yml"))) or "none"
    raise SettingsError(f"configuration file {name} was not found (there are: {known})")


def files_in(user: Path | None, folder: str, suffix: str) -> list[Path]:
    """All files of ``folder`` that end in ``suffix``, ordered by name; one path for each name."""
    entries = _entries(user, folder, suffix)
    return [entries[name] for name in sorted(entries)]


def _entries(user: Path | None, folder: str, suffix: str) -> dict[str, Path]:
    places = [base / folder for base in (packaged(), user) if base and (base / folder).is_dir()]
    return {path.name: path for place in places for path in place.iterdir() if path.name.endswith(suffix) and path.is_file()}


@cache
def packaged() -> Path:
    """The folder of the packaged defaults, subfolders included.

    From the archive given to ``spark-submit --py-files`` they are laid out in a temporary folder, once a process.
    """
    inside = files("gridlens.conf")
    if isinstance(inside, Path):
        return inside
    folder = Path(tempfile.mkdtemp(prefix="gridlens-conf-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _lay_out(inside, folder)
    return folder


def _lay_out(inside: Traversable, target: Path) -> None:
    for entry in inside.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir()
            _lay_out(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())
