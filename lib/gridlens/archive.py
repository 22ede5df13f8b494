"""``python -m gridlens.archive FOLDER``: the archive for ``spark-submit --py-files``.

A wheel imports on the driver and fails on the executors; the same files as a ``.zip`` work on both.
"""

from __future__ import annotations

import sys
import zipfile
from importlib.resources import files
from pathlib import Path

from gridlens import __version__

_FIXED_TIME = (2020, 1, 1, 0, 0, 0)
"""Every entry carries this time, so that the same sources give the same bytes."""


def build(folder: Path) -> Path:
    """Writes ``gridlens-VERSION.zip`` with the package and its default definitions; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"gridlens-{__version__}.zip"
    package = Path(__file__).parent
    entries = {f"gridlens/{p.relative_to(package).as_posix()}": p for p in package.rglob("*") if _wanted(p)}
    conf = Path(str(files("gridlens.conf")))
    entries |= {f"gridlens/conf/{p.relative_to(conf).as_posix()}": p for p in conf.rglob("*") if _wanted(p)}
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, date_time=_FIXED_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entries[name].read_bytes())
    part.replace(target)
    return target


def _wanted(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.suffix in {".py", ".yml", ".csv", ""}


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
