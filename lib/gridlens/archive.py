"""``python -m gridlens.archive FOLDER [--wheel]``: the archive for ``spark-submit --py-files``, or the wheel for Databricks.

A stock wheel imports on the driver and fails on the executors of ``--py-files``; the same files as a ``.zip`` work on
both. On Databricks a wheel it is, but one that does not ask for Spark: pip would put another Spark beside the platform's own.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import zipfile
from collections.abc import Mapping
from importlib.metadata import metadata
from importlib.resources import files
from pathlib import Path

from gridlens import __version__

_FIXED_TIME = (2020, 1, 1, 0, 0, 0)
"""Every entry carries this time, so that the same sources give the same bytes."""
PLATFORM_OWN = ("pyspark", "delta-spark")
"""What a Databricks runtime brings and a wheel must not replace."""


def build(folder: Path) -> Path:
    """Writes ``gridlens-VERSION.zip`` with the package and its default definitions; gives its path."""
    return _write(folder / f"gridlens-{__version__}.zip", _contents())


def build_wheel(folder: Path) -> Path:
    """Writes a wheel of the same files that requires everything but Spark and Delta; gives its path."""
    info, tag = f"gridlens-{__version__}.dist-info", "py3-none-any"
    entries = _contents() | {
        f"{info}/METADATA": _metadata().encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: gridlens\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        f"{info}/entry_points.txt": b"[console_scripts]\ngridlens = gridlens.cli:main\n",
    }
    lines = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in sorted(entries.items())]
    entries[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    return _write(folder / f"gridlens-{__version__}-{tag}.whl", entries)


def _metadata() -> str:
    about = metadata("gridlens")
    wanted = [text for text in about.get_all("Requires-Dist") or [] if "extra ==" not in text and _project(text) not in PLATFORM_OWN]
    fields = [("Metadata-Version", "2.1"), *((name, about[name]) for name in ("Name", "Version", "Summary", "Requires-Python"))]
    return "".join(f"{name}: {value}\n" for name, value in [*fields, *(("Requires-Dist", text) for text in wanted)])


def _project(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _contents() -> dict[str, bytes]:
    package, conf = Path(__file__).parent, Path(str(files("gridlens.conf")))
    entries = {f"gridlens/{p.relative_to(package).as_posix()}": p for p in package.rglob("*") if _wanted(p)}
    entries |= {f"gridlens/conf/{p.relative_to(conf).as_posix()}": p for p in conf.rglob("*") if _wanted(p)}
    return {name: path.read_bytes() for name, path in entries.items()}


def _wanted(path: Path) -> bool:
    """Everything but caches and what an editor or a desktop left: a list of suffixes would forget the next kind of file."""
    return path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".") and path.suffix != ".pyc"


def _write(target: Path, entries: Mapping[str, bytes]) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, date_time=_FIXED_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16  # without it a wheel's files are unpacked unreadable
            archive.writestr(info, entries[name])
    part.replace(target)
    return target


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gridlens.archive")
    parser.add_argument("folder", nargs="?", default="dist", type=Path)
    parser.add_argument("--wheel", action="store_true", help="the wheel for Databricks instead of the archive for spark-submit")
    given = parser.parse_args()
    print((build_wheel if given.wheel else build)(given.folder))


if __name__ == "__main__":
    _main()
