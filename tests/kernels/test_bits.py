"""Random bits are Threefry-2x32 as published, and uniforms never reach 0 or 1."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels import bits
from kernels.sobol import sobol


def test_threefry_gives_the_known_answers_of_random123():
    # kat_vectors of Random123, threefry2x32 20: key, counter, bits
    ones = 0xFFFFFFFF
    known = [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((ones, ones), (ones, ones), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ]
    for key, counter, answer in known:
        words = bits.threefry2x32(tuple(map(np.uint32, key)), tuple(map(np.uint32, counter)))
        assert tuple(int(word) for word in words) == answer


def test_the_counter_comes_back_from_its_bits():
    rng = np.random.default_rng(1)
    words = rng.integers(0, 2**32, (4, 1000), np.uint32)
    words[:, :2] = 0, 0xFFFFFFFF
    key, counter = (words[0], words[1]), (words[2], words[3])
    back = jax.jit(lambda k, c: bits.counter_of(k, bits.threefry2x32(k, c)))(key, counter)
    np.testing.assert_array_equal(np.stack(back), words[2:])


def test_sobol_points_fill_every_cell_once():
    points = sobol(64, 5, 1)
    assert points.min() > 0 and points.max() < 1
    # 64 points: one in each of 64 slices along every axis, and in each of the 8 x 8 squares of the first two axes
    np.testing.assert_array_equal(np.sort(np.floor(64 * points), axis=0), np.repeat(np.arange(64.0)[:, None], 5, 1))
    assert len(np.unique(np.floor(8 * points[:, :2]), axis=0)) == 64
    # more points begin with fewer; another seed, other points
    np.testing.assert_array_equal(sobol(128, 5, 1)[:64], points)
    assert np.all(sobol(64, 5, 2) != points)


def test_threefry_is_elementwise_and_broadcasts():
    counter = jnp.arange(6, dtype=jnp.uint32)
    together = bits.threefry2x32((np.uint32(1), np.uint32(2)), (counter, np.uint32(3)))
    for i in range(6):
        alone = bits.threefry2x32((np.uint32(1), np.uint32(2)), (np.uint32(i), np.uint32(3)))
        assert [int(word[i]) for word in together] == [int(word) for word in alone]


def test_threefry_words_are_those_of_jax_own_generator():
    key = jax.random.wrap_key_data(jnp.array([7, 11], jnp.uint32), impl="threefry2x32")
    ours = bits.threefry2x32((np.uint32(7), np.uint32(11)), (np.uint32(0), np.uint32(5)))
    theirs = jax.random.key_data(jax.random.fold_in(key, 5))
    assert [int(word) for word in ours] == theirs.tolist()


def test_ids_hash_to_the_first_words_of_sha256():
    assert bits.hash_id("abc") == (0xBA7816BF, 0x8F01CFEA)
    names = ["store 1", "Größe", ""]
    table = bits.hash_ids(names)
    assert table.shape == (2, 3)
    assert table.dtype == np.uint32
    for name, column in zip(names, table.T, strict=True):
        digest = hashlib.sha256(name.encode()).digest()
        assert column.tolist() == [int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")]
    assert bits.hash_ids([]).shape == (2, 0)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_uniforms_never_reach_0_or_1(dtype):
    extreme = jnp.array([0, 1, 0x1FF, 0x7FFFFFFF, 0x80000000, 0xFFFFFE00, 0xFFFFFFFE, 0xFFFFFFFF], jnp.uint32)
    high, low = (words.ravel() for words in jnp.meshgrid(extreme, extreme))
    u = jax.jit(bits.uniform, static_argnums=1)((high, low), dtype)
    assert u.dtype == dtype
    half_step = {jnp.float32: 2.0**-24, jnp.float64: 2.0**-53}[dtype]
    assert float(u.min()) == half_step
    assert float(u.max()) == 1.0 - half_step
    # the complement is as exact as the number itself
    assert float((1.0 - u).min()) == half_step


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_uniforms_are_uniform(dtype):
    counter = jnp.arange(1 << 17, dtype=jnp.uint32)
    u = np.asarray(bits.uniform(bits.threefry2x32((np.uint32(3), np.uint32(4)), (counter, counter)), dtype))
    cells = np.bincount((u * 64).astype(int), minlength=64)
    excess = ((cells - u.size / 64) ** 2 / (u.size / 64)).sum()
    # chi-square with 63 degrees of freedom exceeds 113 once in ten thousand
    assert excess < 113
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / np.sqrt(u.size)
