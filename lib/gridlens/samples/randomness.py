"""Counter-based randomness: a number depends on the seed, a purpose and integer keys only, never on the order of drawing.

The mixer is the finaliser of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), applied once for each key. So an account draws the same numbers in any batch,
on any partition, and whether or not another file is written.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def _mix(x: np.ndarray) -> np.ndarray:
    """One splitmix64 finalisation, in place. uint64 in, uint64 out."""
    x ^= x >> np.uint64(30)
    x *= _M1
    x ^= x >> np.uint64(27)
    x *= _M2
    x ^= x >> np.uint64(31)
    return x


@dataclass(frozen=True)
class Random:
    """Draws for one seed. Every method takes a purpose and integer keys that broadcast against each other."""

    seed: int

    def bits(self, purpose: str, *keys: np.ndarray | int) -> np.ndarray:
        """64 random bits for each combination of keys; shape of the broadcast keys, at least 1-D."""
        start = np.array([self.seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64) * _GOLDEN + np.uint64(zlib.crc32(purpose.encode()))
        state = _mix(start)
        for key in keys:
            counter = np.asarray(key)
            shape = np.broadcast_shapes(state.shape, counter.shape)
            step = (np.atleast_1d(counter).astype(np.uint64) + np.uint64(1)) * _GOLDEN
            state = _mix(state ^ step).reshape(shape)
        return state

    def uniform(self, purpose: str, *keys: np.ndarray | int) -> np.ndarray:
        """Uniform in [0, 1), float64."""
        return (self.bits(purpose, *keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, purpose: str, *keys: np.ndarray | int) -> np.ndarray:
        """Standard normal by Box and Muller, float64."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(purpose, *keys)))
        return radius * np.cos(2.0 * np.pi * self.uniform(purpose + "/angle", *keys))

    def integer(self, purpose: str, count: np.ndarray | int, *keys: np.ndarray | int) -> np.ndarray:
        """Integers 0 to count - 1, int64."""
        return np.floor(self.uniform(purpose, *keys) * np.asarray(count)).astype(np.int64)

    def choice(self, purpose: str, weights: np.ndarray, *keys: np.ndarray | int) -> np.ndarray:
        """Index drawn by ``weights``: one vector for all, or a row (last axis) for each key combination."""
        edges = np.cumsum(weights, axis=-1)
        point = self.uniform(purpose, *keys)[..., None] * edges[..., -1:]
        return np.minimum((point >= edges).sum(axis=-1), edges.shape[-1] - 1).astype(np.int64)

    def quarters(self, purpose: str, *keys: np.ndarray | int) -> np.ndarray:
        """Four uniforms in [0, 1) for each key combination (16 bits each); a last axis of 4, float32."""
        bits = np.ascontiguousarray(self.bits(purpose, *keys)).astype("<u8")
        return bits[..., None].view("<u2").astype(np.float32) * np.float32(2.0**-16)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function."""
    return 1.0 / (1.0 + np.exp(-x))
