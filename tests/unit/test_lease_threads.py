"""The writers' lease inside one process: its threads are one run and wait for one another; another process does not get in."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from gridlens import lease
from gridlens.errors import LeaseHeld
from gridlens.lease import writer_lease
from gridlens.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 0.0)
    return load_settings("local", overrides={"root_dir": str(tmp_path)})


def test_threads_take_turns(settings: Settings) -> None:
    order: list[str] = []
    asked, entered = threading.Event(), threading.Event()

    def second() -> None:
        asked.set()
        with writer_lease(settings):
            order.append("second")
            entered.set()

    with writer_lease(settings):
        other = threading.Thread(target=second)
        other.start()
        asked.wait()
        assert not entered.wait(0.2)  # far beyond the patience that another process would have
        order.append("first")
    other.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize("scheme", ["", "file:", "file://"])
def test_however_a_local_warehouse_is_written_it_is_the_same_folder_that_is_locked(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 0.0)
    monkeypatch.chdir(tmp_path)
    given = load_settings("local", overrides={"root_dir": str(tmp_path / "root"), "warehouse": f"{scheme}{tmp_path}/wh"})
    plain = load_settings("local", overrides={"root_dir": str(tmp_path / "root"), "warehouse": str(tmp_path / "wh")})
    with writer_lease(given), pytest.raises(LeaseHeld), writer_lease(plain):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["wh"], "nothing is made below the working directory"


@pytest.mark.parametrize("warehouse", ["s3a://bucket/wh", "dbfs:/gridlens/wh", "hdfs://name/wh"])
def test_a_warehouse_elsewhere_has_no_lease(warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = load_settings("local", overrides={"root_dir": str(tmp_path / "root"), "warehouse": warehouse})
    with writer_lease(given), writer_lease(given):
        assert list(tmp_path.iterdir()) == []


def test_a_run_inside_a_run_is_refused(settings: Settings) -> None:
    with writer_lease(settings), pytest.raises(LeaseHeld, match="wait until it ends"), writer_lease(settings):
        pass
    with writer_lease(settings):  # and neither stays behind
        pass
