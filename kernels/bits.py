"""Random bits as a pure function of what they stand for: Threefry-2x32, unrolled.

Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 3.2.
A *pair* is two uint32 arrays of one shape; keys, counters and bits are pairs.
"""

import hashlib
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

Pair = tuple[Array, Array]

# Rotation distances (table 2 of the paper); the two groups of four take turns, five times.
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry2x32(key: tuple[ArrayLike, ArrayLike], counter: tuple[ArrayLike, ArrayLike]) -> Pair:
    """20 rounds of Threefry-2x32. All four arguments are uint32 and broadcast; returns two uint32 arrays."""
    k0, k1 = (jnp.asarray(word, jnp.uint32) for word in key)
    x0, x1 = (jnp.asarray(word, jnp.uint32) for word in counter)
    schedule = (k0, k1, k0 ^ k1 ^ jnp.uint32(_PARITY))
    x0, x1 = x0 + k0, x1 + k1
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = (x1 << jnp.uint32(distance)) | (x1 >> jnp.uint32(32 - distance))
            x1 = x1 ^ x0
        x0 = x0 + schedule[(group + 1) % 3]
        x1 = x1 + schedule[(group + 2) % 3] + jnp.uint32(group + 1)
    return x0, x1


def counter_of(key: tuple[ArrayLike, ArrayLike], bits: tuple[ArrayLike, ArrayLike]) -> Pair:
    """The counter that `threefry2x32` turns into these bits under this key: for one key it is a bijection."""
    k0, k1 = (jnp.asarray(word, jnp.uint32) for word in key)
    x0, x1 = (jnp.asarray(word, jnp.uint32) for word in bits)
    schedule = (k0, k1, k0 ^ k1 ^ jnp.uint32(_PARITY))
    for group in reversed(range(5)):
        x0 = x0 - schedule[(group + 1) % 3]
        x1 = x1 - schedule[(group + 2) % 3] - jnp.uint32(group + 1)
        for distance in reversed(_ROTATIONS[group % 2]):
            x1 = x1 ^ x0
            x1 = (x1 >> jnp.uint32(distance)) | (x1 << jnp.uint32(32 - distance))
            x0 = x0 - x1
    return x0 - k0, x1 - k1


def seed_words(seed: int) -> Any:
    """A seed of 64 bits as the two words of a key, on the host."""
    return np.uint32(seed >> 32), np.uint32(seed & 0xFFFFFFFF)


def hash_id(text: str) -> tuple[int, int]:
    """The first 64 bits of SHA-256 of the UTF-8 id, as two words. (32 bits would collide at 50,000 ids.)"""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")


def hash_ids(texts: list[str]) -> np.ndarray:
    """uint32[2, len(texts)]: `hash_id` of each."""
    return np.asarray([hash_id(text) for text in texts], np.uint32).reshape(-1, 2).T


def uniform(bits: Pair, dtype: jnp.dtype = jnp.float64) -> Array:
    """Bits to the open interval (0, 1): the midpoints (k + 1/2) / 2^m, m = 52 (float64) or 23 (float32).

    m is one below the significand, so that k + 1/2 is exact; with m at the significand the last midpoint
    rounds to 1.
    """
    high, low = bits
    if dtype == jnp.float64:
        whole = high.astype(dtype) * 2.0**20 + (low >> jnp.uint32(12)).astype(dtype)
        return jnp.asarray((whole + 0.5) * 2.0**-52)
    return jnp.asarray(((high >> jnp.uint32(9)).astype(dtype) + 0.5) * 2.0**-23)
