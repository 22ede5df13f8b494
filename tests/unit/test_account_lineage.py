"""Where the rows behind an account's features stand."""

from __future__ import annotations

from gridlens.contracts.account_feature import ACCOUNT_FEATURES, BASE_FIELDS
from gridlens.contracts.account_lineage import evidence_of


def test_every_feature_says_where_its_rows_stand() -> None:
    tables = {
        feature.name: [evidence.table.name for evidence in evidence_of(feature.name)] for feature in (*BASE_FIELDS, *ACCOUNT_FEATURES)
    }
    assert all(tables.values())
    assert tables["late_share_365d_percentile"] == tables["late_share_365d"] == ["bill", "payment"]
    assert tables["age_band"] == ["customer_identity"]
    assert not {name for evidence in evidence_of("age_band") for name in evidence.shows} & set(evidence_of("age_band")[0].table.personal)
    assert tables["industry_late_share_60d"] == ["account"], "the bills are those of all the industry"
