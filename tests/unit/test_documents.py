"""What the documents tell to type exists: commands with their options, definitions, files that are linked."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from gridlens.cli import app
from gridlens.contracts.tag import tag_current_table
from gridlens.expressions import check
from gridlens.ingest.fields import FieldSource
from gridlens.ingest.source import Options, SourceFile
from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.library import load_models
from gridlens.pipelines.declared import tag_library, taggable
from gridlens.settings import Settings, load_settings
from pydantic import BaseModel

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
COMMAND: Any = typer.main.get_command(app)
USAGE_ERROR = typer.BadParameter.__mro__[1]


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language; the plain ones for the empty name."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def commands(path: Path) -> list[str]:
    """The lines of plain blocks that call gridlens, without what follows the command."""
    lines = [line for text in blocks(path, "") for line in text.replace("\\\n", " ").splitlines()]
    called = [line.removeprefix(".venv/bin/") for line in lines if line.startswith(("gridlens ", ".venv/bin/gridlens "))]
    return [re.split(r"\s+#\s|\s+[→←]", line)[0].strip() for line in called]


def accept(line: str) -> None:
    """Raises UsageError where the command line has no such command, option or value."""
    chosen, (_, *words) = COMMAND, shlex.split(line)
    while subcommands := getattr(chosen, "commands", {}):
        assert words, f"{line}: says no command"
        assert words[0] in subcommands, f"{line}: there is no command {words[0]}"
        chosen = subcommands[words.pop(0)]
    chosen.make_context(line, words)


LINES = [pytest.param(line, id=f"{path.name}: {line}") for path in DOCUMENTS for line in dict.fromkeys(commands(path))]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_documents_is_one(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.yml", "clients.csv", "decisions.csv", "FILE.csv"):
        (tmp_path / name).touch()
    accept(line)


def option(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words else None


@pytest.mark.parametrize("line", [line for line in LINES if re.search(r"tags explain|show tag_current_v1", str(line.values[0]))])
def test_tags_of_the_documents_are_defined(line: str) -> None:
    library = tag_library(load_settings("local", environ={}))
    words = shlex.split(line)
    if words[1:3] == ["tags", "explain"]:
        assert library.tag(words[4]).id == words[4]
    else:
        table = tag_current_table(library.columns)
        columns = {field.name: field.type for field in table.fields}
        assert check(option(words, "--where") or "true", columns, "--where", family="boolean")
        assert set((option(words, "--columns") or "account_id").split(",")) <= set(columns)


def test_commands_are_found() -> None:
    assert len(LINES) > 40


@pytest.mark.parametrize("wrong", ["gridlens trane arrears", "gridlens train arrears --agian", "gridlens promote arrears 3"])
def test_a_command_that_is_none_is_told(wrong: str) -> None:
    with pytest.raises((AssertionError, USAGE_ERROR)):
        accept(wrong)


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if blocks(p, "yaml")], ids=lambda path: path.name)
def test_definitions_of_the_documents_hold(path: Path, tmp_path: Path) -> None:
    settings = load_settings("local", environ={})
    for text in blocks(path, "yaml"):
        read = yaml.safe_load(text)
        for kind in {"models", "tags"} & (read.keys() if isinstance(read, dict) else set()):
            (tmp_path / kind).mkdir()
            file = tmp_path / kind / "own.yml"
            file.write_text(text, encoding="utf-8")
            if kind == "models":
                assert len(load_models([file], taggable())) == len(read["models"])
            else:
                library = tag_library(settings.model_copy(update={"conf_dir": str(tmp_path)}))
                assert {tag["id"] for tag in read["tags"]} <= {tag.id for tag in library.tags}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_linked_files_are_there(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


def keys_of(page: str, heading: str) -> set[str]:
    """The first cells of the tables between a heading and the next one of its level."""
    text = (PROJECT / "docs" / page).read_text("utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("page", "heading", "model"),
    [
        ("settings.md", "All settings", Settings),
        ("sources.md", "The source", SourceFile),
        ("sources.md", "Text", Options),
        ("sources.md", "A field", FieldSource),
        ("collection.md", "Time to pay", TimeToPayDefinition),
    ],
)
def test_a_page_of_keys_has_all_of_them_and_no_other(page: str, heading: str, model: type[BaseModel]) -> None:
    assert keys_of(page, heading) == set(model.model_fields)
