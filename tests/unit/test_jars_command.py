"""`gridlens jars`: the folder it fills, and the archive of Java's classes beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens import jars, java_archive, session
from gridlens.cli import main
from gridlens.errors import PlatformError


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """The folder of jars that each archive was made with; neither Ivy nor Java is started."""
    folders: list[Path | None] = []

    def fetch(target: Path) -> list[Path]:
        target.mkdir(parents=True, exist_ok=True)
        for name in jars.NEEDED:
            (target / name).touch()
        return [target / name for name in jars.NEEDED]

    monkeypatch.delenv("GRIDLENS_JARS", raising=False)
    monkeypatch.setattr(jars, "fetch", fetch)
    monkeypatch.setattr(session, "check_java", lambda: session.Java(17, "a build of which there is no archive"))
    monkeypatch.setattr(java_archive, "make_archive", lambda java, *, jars: folders.append(jars))
    return folders


@pytest.mark.parametrize("named", ["option", "variable"])
def test_the_jars_go_where_they_are_wanted(
    named: str, made: list[Path | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "jars"
    if named == "variable":
        monkeypatch.setenv("GRIDLENS_JARS", str(folder))
    arguments = ["jars"] if named == "variable" else ["jars", "--to", str(folder)]
    assert main(arguments) == 0
    assert jars.in_folder(folder) is not None
    assert made == [folder]
    capsys.readouterr()
    assert main(arguments) == 0
    assert f"Delta's jars are in {folder} already" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("missing", ["Java was not found", "Java made no archive of its classes: no space"])
def test_without_an_archive_the_jars_are_there_all_the_same(
    missing: str, made: list[Path | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise PlatformError(missing)

    monkeypatch.setattr(*((session, "check_java") if "found" in missing else (java_archive, "make_archive")), fails)
    assert main(["jars", "--to", str(tmp_path)]) == 0
    assert jars.in_folder(tmp_path) is not None
    assert f"{missing}; sessions start without an archive of Java's classes" in " ".join(capsys.readouterr().out.split())
    assert made == []
