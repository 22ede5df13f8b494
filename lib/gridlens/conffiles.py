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
    if user and (user / name).is_file():
        return user / name
    packaged = files("gridlens.conf").joinpath(*name.split("/"))
    if packaged.is_file():
        return _on_disk(packaged, name)
    known = ", ".join(sorted(_entries(user, name.rpartition("/")[0], ".yml"))) or "none"
    raise SettingsError(f"configuration file {name} was not found (there are: {known})")


def files_in(user: Path | None, folder: str, suffix: str) -> list[Path]:
    """All files of ``folder`` that end in ``suffix``, ordered by name; one path for each name.

    From a zip archive given to ``spark-submit --py-files`` the packaged files are laid out in a temporary folder.
    """
    entries = _entries(user, folder, suffix)
    return [_on_disk(entries[name], f"{folder}/{name}") for name in sorted(entries)]


def _entries(user: Path | None, folder: str, suffix: str) -> dict[str, Traversable]:
    found: dict[str, Traversable] = {}
    for base in (files("gridlens.conf"), *([user] if user else [])):
        place = base.joinpath(*folder.split("/")) if folder else base
        if place.is_dir():
            found.update({entry.name: entry for entry in place.iterdir() if entry.name.endswith(suffix) and entry.is_file()})
    return found


@cache
def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gridlens-conf-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _on_disk(entry: Traversable, name: str) -> Path:
    if isinstance(entry, Path):
        return entry
    target = _temporary() / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(entry.read_bytes())
    return target
