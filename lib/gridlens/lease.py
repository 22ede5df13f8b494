"""One writer a warehouse: a lease by ``flock``, freed by the kernel even at SIGKILL. Readers never wait.

A local filesystem promises nothing to two drivers that commit at once; object stores and catalogues
bring their own commit protocol, so the lease is taken for local warehouses only.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridlens.errors import LeaseHeld, PlatformError
from gridlens.places import local_folder
from gridlens.settings import Settings

PATIENCE_SECONDS = 2.0
_HERE = threading.RLock()
"""Threads of one process wait for one another however long it takes; they are one run."""


@contextmanager
def writer_lease(settings: Settings) -> Iterator[None]:
    """Holds the warehouse for writing while the block runs.

    Raises:
        LeaseHeld: another process writes there; says which.
        PlatformError: the warehouse folder cannot be written.
    """
    folder = None if settings.catalog else local_folder(settings.warehouse)
    if folder is None:
        yield
        return
    with _HERE, _locked(folder):
        yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".writer", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise PlatformError(f"the warehouse {folder} cannot be written ({error.strerror}): choose another with --warehouse") from error
    try:
        _acquire(handle, folder)
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(handle, 32, 0).decode() or "unknown"
                raise LeaseHeld(f"another run (process {holder}) is writing to {folder}: wait until it ends, then run this again") from None
            time.sleep(0.1)
