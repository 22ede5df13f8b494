"""docs/tags.md says what conf/tags holds."""

from __future__ import annotations

from pathlib import Path

from gridlens.pipelines.declared import tags_page
from gridlens.settings import load_settings

PROJECT = Path(__file__).resolve().parents[3]


def test_the_page_is_up_to_date() -> None:
    page = tags_page(load_settings("local", PROJECT / "conf"))
    assert (PROJECT / "docs" / "tags.md").read_text("utf-8") == page, "docs/tags.md is stale: run `make docs`"
