"""The corpus of malicious expressions at every door of audiences: definitions, suppressions and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from gridlens.audiences.library import AudienceLibrary, load_audiences
from gridlens.cli import main
from gridlens.errors import DefinitionError
from test_expressions import COLUMNS, MALICIOUS

NAMED = {"id": "x", "name_zh": "客群", "name_en": "Audience", "reason": "Somebody wants to see what is not theirs"}


def library(folder: Path, where: str, suppressed: str) -> AudienceLibrary:
    files = folder / "audiences.yml", folder / "suppressions.yml"
    files[0].write_text(yaml.safe_dump({"audiences": [NAMED | {"where": where, "owner": "me", "version": 1}]}))
    files[1].write_text(yaml.safe_dump({"suppressions": [NAMED | {"where": suppressed, "kind": "expression"}]}))
    return load_audiences(files[:1], files[1:], COLUMNS)


@pytest.mark.parametrize("expression", MALICIOUS)
def test_malicious_expressions_are_refused_at_every_door(tmp_path: Path, expression: str) -> None:
    with pytest.raises(DefinitionError, match=r"audiences\.yml line \d+: ") as caught:
        library(tmp_path, expression, "flag")
    assert "\n" not in str(caught.value)
    with pytest.raises(DefinitionError, match=r"suppressions\.yml line \d+: "):
        library(tmp_path, "flag", expression)
    with pytest.raises(DefinitionError, match=r"option --where: the expression "):
        library(tmp_path, "flag", "flag").ad_hoc(expression)


def test_the_command_refuses_before_spark_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attack = "reflect('java.lang.System', 'getenv', 'PATH') = 'x'"
    for command in ("count", "explain"):
        assert main(["audience", command, "--where", attack, "--root-dir", str(tmp_path)]) == DefinitionError.exit_code
        assert "option --where: the expression" in capsys.readouterr().err
