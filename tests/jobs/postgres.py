"""A PostgreSQL server of the test's own on loopback, from the machine's packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "loopback-only"


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, what it logs, and the driver that Java needs to reach it."""

    programs: Path
    port: int
    log: Path
    driver: Path

    @property
    def url(self) -> str:
        return f"jdbc:postgresql://127.0.0.1:{self.port}/postgres"

    @property
    def client(self) -> list[str]:
        """psql on this server; statements follow as ``-c SQL``, the password is in PGPASSWORD."""
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "reader", "-d", "postgres"]
        return [str(self.programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", *address]

    def run(self, sql: str) -> None:
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        subprocess.run([*self.client, "-c", sql], env=environment, check=True, capture_output=True, timeout=60)

    def queries(self) -> list[str]:
        """Every statement that was sent, in order."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [line.split(": ", 2)[-1] for line in text.splitlines() if "execute" in line or "statement:" in line]


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, or None."""
    folders = [Path(found).resolve().parent for name in ("initdb", "pg_ctl") if (found := shutil.which(name))]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if all((f / name).exists() for name in ("initdb", "pg_ctl", "postgres", "psql"))), None)


def driver() -> Path | None:
    """The JDBC driver of Debian's package, or the one that GRIDLENS_TEST_POSTGRES_JAR names."""
    named = os.environ.get("GRIDLENS_TEST_POSTGRES_JAR")
    candidates = [Path(named)] if named else [Path("/usr/share/java/postgresql.jar")]
    return next((path for path in candidates if path.exists()), None)


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Starts a server on a free port and stops it; skips visibly where PostgreSQL or its driver is not there."""
    found, jar = programs(), driver()
    if found is None or jar is None:
        pytest.skip("PostgreSQL or its JDBC driver is not there: apt-get install postgresql libpostgresql-jdbc-java")
    folder = Path(tempfile.mkdtemp(prefix="gridlens-postgres-"))
    # PostgreSQL refuses to run as root: its package brings a user for it.
    other = {"user": "postgres"} if os.getuid() == 0 else {}
    if other:
        shutil.chown(folder, "postgres")
    (folder / "password").write_text(PASSWORD, encoding="ascii")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = ["-D", str(folder / "data")]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c log_statement=all -c fsync=off"

    def control(name: str, *arguments: str) -> None:
        command = [str(found / name), *data, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd=folder, **other)  # type: ignore[call-overload]

    try:
        control("initdb", "-U", "reader", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "--no-sync")
        control("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield Server(found, port, folder / "log", jar)
        finally:
            control("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
