"""Features are declared once; tables and documents follow the declarations."""

from __future__ import annotations

import numpy as np
from gridlens.contracts.account_feature import ACCOUNT_FEATURES, COUNTS, TOLD_BY
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.contracts.gold import ACCOUNT_FEATURE, CONSUMPTION_YEAR, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.load_shape_day import PERIOD_NAMES
from gridlens.features.catalogue import feature_catalogue, features_markdown
from gridlens.features.day_kernel import WINDOWS, entropy


def test_there_are_enough_features_and_each_is_explained() -> None:
    catalogue = feature_catalogue()
    assert list(catalogue) == [t.name for t in (LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH, CONSUMPTION_YEAR, ACCOUNT_FEATURE)]
    assert len({f.name for features in catalogue.values() for f in features}) >= 40
    for features in catalogue.values():
        for f in features:
            assert f.doc, f.name
            assert f.formula, f.name
            assert f.source, f.name
            assert f.unit or f.name.split("_")[-1] not in ("kwh", "kw", "h"), f.name


def test_the_page_has_a_row_for_every_feature_and_escapes_bars() -> None:
    page = features_markdown()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(map(len, feature_catalogue().values()))
    for line in rows:
        assert line.replace("\\|", "").count("|") == 7, line


def test_windows_of_the_day_cover_every_hour_once() -> None:
    hours = [h % 24 for start, end in WINDOWS.values() for h in range(start, end if end > start else end + 24)]
    assert sorted(hours) == list(range(24))


def test_every_tariff_period_has_its_features() -> None:
    assert tuple(PERIOD_NAMES) == TARIFF_PERIODS


def test_entropy_is_one_where_flat_and_zero_where_all_is_in_one_hour() -> None:
    profiles = np.zeros((4, 24))
    profiles[0], profiles[1, 5], profiles[3] = 2.0, 1.0, np.nan
    profiles[3, :2] = 1.0
    np.testing.assert_allclose(entropy(profiles), [1.0, 0.0, np.nan, 1.0], atol=1e-12)


def test_an_account_that_nothing_mentions_still_has_every_figure_that_is_never_null() -> None:
    """Of the London households 4,182 had a contract and no reading."""
    given = {"is_open", "account_age_days", "party_accounts", "holder_changes_730d", "point_count", "peer_group", "peer_count"}
    assert {f.name for f in ACCOUNT_FEATURES if not f.nullable} - given <= COUNTS
    assert set(TOLD_BY).isdisjoint(f.name for f in ACCOUNT_FEATURES if not f.nullable)
