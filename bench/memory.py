"""Memory of a driver, looked at from outside: peak of its Python and Java processes, and the Java heap that is live."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path


def peak_mb(pid: int) -> float:
    """Largest resident memory that a process ever had, MB (VmHWM of /proc)."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return round(int(found.group(1)) / 1024, 1) if found else 0.0


def java_child() -> int:
    """The Java process that this Python process started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, parent = (folder / "stat").read_text().rsplit(")", 1)
        except OSError:
            continue  # it ended while we looked
        if name.endswith("(java") and int(parent.split()[1]) == os.getpid():
            return int(folder.name)
    raise RuntimeError("this process has started no Java process: start a Spark session first")


def live_heap_mb(pid: int) -> float | None:
    """Java heap in use after a full collection, MB; None without the JDK's jcmd."""
    jcmd = shutil.which("jcmd")
    if jcmd is None:
        return None
    subprocess.run([jcmd, str(pid), "GC.run"], check=True, capture_output=True, timeout=120)
    shown = subprocess.run([jcmd, str(pid), "GC.heap_info"], check=True, capture_output=True, text=True, timeout=60).stdout
    # Young and old generation have a line each; metaspace is no heap.
    used = re.findall(r"(?:PSYoungGen|ParOldGen|garbage-first heap)\s+total \d+K, used (\d+)K", shown)
    return round(sum(int(kilobytes) for kilobytes in used) / 1024, 1)
