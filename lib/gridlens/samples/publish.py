"""The folder of a province: what stands there, clearing what a killed generation left, naming the files, success last."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gridlens.errors import SettingsError
from gridlens.samples.world import Parameters

VERSION = 3
"""Raised whenever the same parameters give other files than before."""
MANIFEST = "manifest.json"
STAGING = "_staging"
GZIPPED_GB18030 = ("customer",)
JSON_LINES = ("service_event",)


@dataclass(frozen=True)
class Contents:
    """Number of files and bytes by kind (the first folder below the province's)."""

    files: dict[str, int]
    bytes: dict[str, int]


def identity(parameters: Parameters, tariffs: dict[str, str]) -> dict[str, Any]:
    """What two identical provinces share: parameters, version of the generator, fingerprints of the tariffs."""
    values = {**asdict(parameters), "end_date": parameters.end_date.isoformat()}
    return {"version": VERSION, "parameters": values, "tariffs": dict(sorted(tariffs.items()))}


def complete(folder: Path, wanted: dict[str, Any]) -> Contents | None:
    """Contents of a whole province of that identity, every file with its recorded size; None where one must be made."""
    manifest = _read(folder)
    if manifest is None or not manifest.get("complete") or any(manifest.get(key) != value for key, value in wanted.items()):
        return None
    sizes: dict[str, int] = manifest["sizes"]
    if any(not (folder / name).is_file() or (folder / name).stat().st_size != size for name, size in sizes.items()):
        return None
    return _contents(sizes)


def same(folder: Path, wanted: dict[str, Any]) -> bool:
    """Whether no province of another identity stands in the folder, whole or begun."""
    manifest = _read(folder)
    return manifest is None or all(manifest.get(key) == value for key, value in wanted.items())


def sizes_of(folder: Path) -> dict[str, int]:
    """Bytes of every file of the whole province that stands there, by path below the folder."""
    manifest = _read(folder) or {}
    return manifest.get("sizes", {})


def begin(folder: Path, wanted: dict[str, Any]) -> None:
    """Clears an older or unfinished province and marks the folder as one being made; SettingsError where it holds anything else."""
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file; give a folder for the synthetic province")
    manifest = _read(folder)
    if manifest is None and folder.exists() and any(folder.iterdir()):
        raise SettingsError(f"{folder} holds files that no synthetic province has written; give an empty or new folder")
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, {**wanted, "complete": False})
    for kind in folder.iterdir():
        if kind.is_dir():
            shutil.rmtree(kind)


def finish(folder: Path, wanted: dict[str, Any]) -> Contents:
    """Moves the staged files to their names (``curves/curves-00000.csv``) and records success."""
    staging = folder / STAGING
    for part in sorted(staging.glob("kind=*/part-*")):
        kind = unquote(part.parent.name.removeprefix("kind="))
        number = part.name.split("-")[1]
        top, _, rest = kind.partition("/")
        name = f"{rest or top}-{number}.{'jsonl' if top in JSON_LINES else 'csv'}"
        (folder / top).mkdir(exist_ok=True)
        if top in GZIPPED_GB18030:
            _transcode(part, folder / top / f"{name}.gz")
        else:
            part.rename(folder / top / name)
    shutil.rmtree(staging)
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.glob("*/*"))}
    _write(folder, {**wanted, "complete": True, "sizes": sizes})
    return _contents(sizes)


def _transcode(source: Path, target: Path) -> None:
    """UTF-8 to gzipped GB18030, a megabyte at a time; the same bytes each time (no name, no date in the header)."""
    with source.open(encoding="utf-8", newline="") as text, target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        while chunk := text.read(1 << 20):
            packed.write(chunk.encode("gb18030"))


def _contents(sizes: dict[str, int]) -> Contents:
    kinds = sorted({name.split("/")[0] for name in sizes})
    of = {kind: [size for name, size in sizes.items() if name.split("/")[0] == kind] for kind in kinds}
    return Contents({kind: len(values) for kind, values in of.items()}, {kind: sum(values) for kind, values in of.items()})


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _write(folder: Path, manifest: dict[str, Any]) -> None:
    """Replaces the manifest in one step."""
    draft = folder / f"{MANIFEST}.new"
    draft.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.replace(folder / MANIFEST)
