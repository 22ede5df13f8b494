"""Counter-based randomness: the same numbers in any batch, and of the stated distribution."""

import numpy as np
import pytest
from gridlens.samples.randomness import Random


def test_a_draw_depends_on_its_keys_only() -> None:
    r = Random(7)
    together = r.uniform("size", np.arange(1000)[:, None], np.arange(5))
    alone = np.array([r.uniform("size", np.array([i]), np.array([k]))[0] for i, k in [(0, 0), (17, 3), (999, 4)]])
    assert together[[0, 17, 999], [0, 3, 4]].tolist() == alone.tolist()


@pytest.mark.parametrize("other", [("size", 8), ("shape", 7)], ids=["other seed", "other purpose"])
def test_seed_and_purpose_give_other_numbers(other: tuple[str, int]) -> None:
    keys = np.arange(5000)
    a, b = Random(7).uniform("size", keys), Random(other[1]).uniform(other[0], keys)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.05


def test_uniform_and_normal_have_their_moments() -> None:
    keys = np.arange(200_000)
    u, z = Random(1).uniform("u", keys), Random(1).normal("z", keys)
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert (u.mean(), u.var()) == (pytest.approx(0.5, abs=0.003), pytest.approx(1 / 12, abs=0.001))
    assert (z.mean(), z.std()) == (pytest.approx(0.0, abs=0.01), pytest.approx(1.0, abs=0.01))
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.01


def test_choice_follows_weights_and_never_takes_a_zero() -> None:
    drawn = Random(3).choice("kind", np.array([1.0, 0.0, 3.0]), np.arange(40_000))
    share = np.bincount(drawn, minlength=3) / 40_000
    assert share == pytest.approx([0.25, 0.0, 0.75], abs=0.01)


def test_quarters_are_four_uniforms() -> None:
    q = Random(3).quarters("q", np.arange(3)[:, None], np.arange(20_000))
    assert q.shape == (3, 20_000, 4)
    assert float(q.mean()) == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(q[0, :, 0], q[0, :, 1])[0, 1]) < 0.03
