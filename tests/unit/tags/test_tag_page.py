"""docs/tags.md says of every tag what it means, how it is computed and why."""

from __future__ import annotations

import re

from gridlens.tags.page import tags_markdown
from tag_support import CHAIN, library, tag


def test_every_tag_has_a_row_in_its_category_with_all_that_defines_it(tmp_path):
    piped = tag("solar", inputs=["has_pv"], expression="has_pv", category="opportunity", reason="Measured | seen on the province, 2026")
    page = tags_markdown(library(tmp_path, [*CHAIN, piped]))
    assert "6 tags: 1 fact (事实), 3 rule (规则), 2 derived (衍生)." in page
    assert "| Payment and credit behaviour 缴费与信用 | 5 |\n| Opportunity 机会 | 1 |" in page
    assert re.findall("^## (.+)$", page, re.M) == ["Payment and credit behaviour 缴费与信用", "Opportunity 机会"]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [re.match(r"\| `(\w+)`", row).group(1) for row in rows] == ["big_late", "call_first", "late", "level", "trade", "solar"]
    assert all(row.replace("\\|", "").count("|") == 10 for row in rows)
    assert rows[3] == (
        "| `level` | 标签 level | Tag level: Accounts for which level holds | rule 规则 | `low` low 低, `high` high 高 | "
        "`annual_kwh: below 100 low; else high` | `annual_kwh` | The upper tenth of the default province's households, 2026 | "
        "collection · v1 · 40 d · internal · daily |"
    )
    assert "| any text | `industry` |" in rows[4]
    assert "| true, false | `has_pv` | `has_pv` | Measured \\| seen" in rows[5]
