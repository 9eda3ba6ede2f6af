"""The C++ generator against XLA, operation by operation, and what it refuses; its CUDA flavour plays the same."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array, lax

from kernels import native, quantiles, rings
from kernels.bits import threefry2x32, uniform
from kernels.native import chip, compiler
from kernels.ratio import EXACT, mul_div_even, ratio, scale_even
from kernels.ration import ration, split

DAYS, NODES, PRODUCTS, SLOTS = 5, 3, 6, 8
FUTURES = 11  # two vectors and a part of one
# three threads of this processor as a block of a GPU: more than one, so that what is not waited for is seen
on_threads = partial(chip.OnChip, 3)

pytestmark = pytest.mark.skipif(native.find_compiler() is None, reason="no C++ compiler here")


def rows(seed: int, *shape: int) -> np.ndarray:
    return np.floor(np.random.default_rng(seed).uniform(0, 1000, shape))


def both(step: Callable[..., Any], carry: Callable[[Any], Any], shared: Any, by_day: Any, each: Any) -> Any:
    """Final carry and outputs by day of a small simulation, by XLA and by the generated programmes."""

    def function(shared: Any, by_day: Any, one: Any) -> Any:
        return lax.scan(lambda c, x: step(shared, c, x, one), carry(shared), by_day)

    found = native.compiled(function, (shared, by_day), each)((shared, by_day), each)
    same(
        found,
        jax.tree.map(np.asarray, native.compiled(function, (shared, by_day), each, on_threads)((shared, by_day), each)),
    )
    return jax.vmap(function, (None, None, 0))(shared, by_day, each), found


def same(expected: Any, found: Any, exact: bool = True) -> None:
    for (path, x), y in zip(jax.tree.flatten_with_path(expected)[0], jax.tree.leaves(found), strict=True):
        name = jax.tree_util.keystr(path)
        assert np.asarray(x).dtype == y.dtype and x.shape == y.shape, name
        np.testing.assert_allclose(y, x, rtol=0 if exact else 1e-14, atol=0, err_msg=name)


def arithmetic(shared: Any, total: Array, day: Array, one: Array) -> Any:
    """Elementwise operations of every kind, shared and by future; reductions along every axis; broadcasting."""
    table, flags = shared
    x = table * one + jnp.floor(total * 0.5)
    y = jnp.where(flags, x, -x) - day.astype(jnp.float64)[None, None]
    whole = lax.rem(jnp.abs(y).astype(jnp.int64), jnp.int64(97))
    bits = (whole.astype(jnp.uint32) << jnp.uint32(3)) ^ jnp.uint32(0xABCD)
    out = {
        "min": jnp.min(y, axis=0), "max": jnp.max(y, axis=1), "all": jnp.sum(y), "rows": jnp.sum(y, axis=1),
        "columns": jnp.sum(y, axis=0), "any": jnp.any(y > 500, axis=1), "every": jnp.all(flags | (y < 0)),
        "bits": bits >> jnp.uint32(2), "whole": whole, "both": (y > 0) & ~flags, "sign": jnp.sign(y),
        "first": lax.argmin(y, 1, jnp.int32), "round": jnp.round(y * 0.5), "clip": jnp.clip(y, -10.0, 99.0),
        "flipped": y.T[::-1], "joined": jnp.concatenate([y[:, :2], y[:1, :2] * 2.0]),
        "padded": jnp.pad(y, ((1, 0), (0, 2))), "stack": jnp.stack([y[0], x[1]]), "ints": y.astype(jnp.int32),
        "single": y.astype(jnp.float32) * jnp.float32(3.0),
        "product": y @ table.T, "chosen": lax.cond(day > 2, lambda v: v * 2.0, lambda v: v, y),
    }  # fmt: skip
    return jnp.sum(y, axis=1, keepdims=True) * jnp.ones_like(table), out


def test_arithmetic_reductions_and_shapes() -> None:
    shared = rows(1, NODES, PRODUCTS), rows(2, NODES, PRODUCTS) > 400
    same(*both(arithmetic, lambda s: jnp.zeros_like(s[0]), shared, np.arange(DAYS, dtype=np.int32), rows(3, FUTURES)))


def goods(shared: Any, state: Any, day: Array, one: Any) -> Any:
    """What a day does to goods: rings turned in place, rationing, exact shares, indexed reads and writes."""
    ring, stock = state
    where, weights = shared
    slot = lax.rem(day, jnp.int32(SLOTS))
    arrived = rings.read_rows(ring, slot)
    lead = 1 + lax.rem(one + day, jnp.int32(SLOTS - 2)) + where
    wanted = weights + arrived
    sent = ration(stock[:, :1, 0], wanted[:, None, :], 2, EXACT)[:, 0]
    parts = split(jnp.sum(sent, axis=1, keepdims=True)[:, 0], weights, 1, EXACT)
    ring = rings.turn(ring, slot, arrived, lax.rem(day + lead, jnp.int32(SLOTS)), parts)
    stock = stock.at[where, :, 0].add(arrived - 1.0, unique_indices=True).at[0].set(jnp.ones_like(stock[0]))
    moved = lax.dynamic_slice(stock, (where[0], one, jnp.int32(0)), (1, 2, 1))
    return (ring, stock), (arrived, sent, parts, moved, mul_div_even(sent, weights, 7.0), scale_even(sent, 3.0, 11.0),
                           ratio(parts, 13.0), ring[slot], jnp.sum(ring))  # fmt: skip


def test_rings_rationing_and_indexed_access() -> None:
    def opening(shared: Any) -> Any:
        return jnp.zeros((SLOTS, NODES, PRODUCTS), jnp.float64) + shared[1][None], jnp.ones(
            (NODES, PRODUCTS, 1), jnp.float64
        )

    shared = np.array([2, 0, 1], np.int32), rows(4, NODES, PRODUCTS)
    same(*both(goods, opening, shared, np.arange(DAYS, dtype=np.int32), np.arange(FUTURES, dtype=np.int32)))


def laws(shared: Any, state: Array, day: Array, one: Array) -> Any:
    """Random numbers and counts: small and large means, the middle and both tails, so that all ways are taken."""
    mean, size, power = shared
    products, nodes = jnp.arange(PRODUCTS, dtype=jnp.uint32)[None, :], jnp.full((NODES, 1), 7, jnp.uint32)
    u = uniform(threefry2x32((one, day), (products, nodes))) ** power
    return state, (u, quantiles.poisson(u, mean), quantiles.negative_binomial(u, mean, size))


def test_counts_are_the_same_whole_numbers() -> None:
    mean = 10.0 ** np.linspace(-2, 5, NODES * PRODUCTS).reshape(NODES, PRODUCTS)
    size = rows(6, NODES, PRODUCTS) / 100.0 + 0.1
    shared = mean, size, np.array([[1.0], [1e-6], [12.0]])
    days, draws = np.arange(DAYS, dtype=np.uint32), np.arange(FUTURES, dtype=np.uint32)
    (_, (u, *counts)), (_, (u_found, *found)) = both(laws, lambda _: jnp.zeros((), jnp.float64), shared, days, draws)
    np.testing.assert_allclose(u_found, u, rtol=1e-12)  # a power is the library's
    same(counts, found)


def test_new_numbers_build_nothing_and_the_text_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(shared: Any, total: Array, x: Array, one: Array) -> Any:
        return total + x * one + shared, total

    first = both(step, lambda s: s * 0.0, np.float64(2.0), np.arange(3.0), np.arange(2.0))

    def refuse(*_: Any) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(compiler, "_build", refuse)
    same(*first)
    same(*both(step, lambda s: s * 0.0, np.float64(3.0), np.arange(3.0) + 1, np.arange(2.0)))


def test_what_the_generator_does_not_know_is_named() -> None:
    def step(shared: Any, total: Array, x: Array, one: Array) -> Any:
        return total, jnp.sort(x * one)

    with pytest.raises(native.Unsupported, match="sort"):
        both(step, lambda _: jnp.zeros((), jnp.float64), np.float64(0), np.ones((2, 3)), np.ones(4))


def test_without_a_compiler_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "find_compiler", lambda: None)
    compiler._machine.cache_clear()
    try:
        with pytest.raises(native.NoCompiler, match=r"install g\+\+ or clang\+\+"):
            compiler.built(["int x;"])
    finally:
        compiler._machine.cache_clear()


def test_a_text_the_compiler_refuses_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(native.NoCompiler, match="error"):
        compiler.built(["this is not C++\n"])
    assert not list(compiler.folder().iterdir())


def test_a_look_up_in_what_differs_by_future_is_named() -> None:
    def step(shared: Any, total: Array, day: Array, one: Array) -> Any:
        return total, lax.dynamic_index_in_dim(one, day, keepdims=False)

    with pytest.raises(native.Unsupported, match="a look-up by index"):
        both(step, lambda _: jnp.zeros((), jnp.float64), np.float64(0), np.arange(3, dtype=np.int32), np.ones((4, 5)))


def test_series_used_after_the_days_are_named() -> None:
    def function(shared: Any, by_day: Any, one: Any) -> Any:
        last, series = lax.scan(lambda c, x: (c + x * one, c * one), shared, by_day)
        return last, jnp.max(series)

    with pytest.raises(native.Unsupported, match="series of all days"):
        native.compiled(function, (np.zeros(()), np.ones(3)), np.ones(4))


def test_nvrtc_takes_the_text_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    if chip.nvrtc() is None:
        pytest.skip(chip.NO_NVRTC)
    card = SimpleNamespace(core_count=132, compute_capability="9.0")
    monkeypatch.setattr(jax, "local_devices", lambda backend: [card])
    monkeypatch.setattr(chip, "launcher", lambda host: f"host: {host}")

    def function(shared: Any, by_day: Any, one: Any) -> Any:
        return lax.scan(lambda c, x: arithmetic(shared, c, x, one), jnp.zeros_like(shared[0]), by_day)

    shared = rows(1, NODES, PRODUCTS), rows(2, NODES, PRODUCTS) > 400
    found = chip.on_gpu(function, (shared, np.arange(DAYS, dtype=np.int32)), rows(3, FUTURES))
    assert found.file.read_bytes()[:4] == b"\x7fELF"
    assert (found.target, found.blocks) == ("host: False", 264)
    with pytest.raises(native.NoCompiler, match=r"NVRTC failed: .*error"):
        chip.cubin("this is not C++\n", "sm_90")


def test_without_nvrtc_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chip, "nvrtc", lambda: None)
    with pytest.raises(native.NoCompiler, match=r"jax\[cuda12\]"):
        chip.cubin("", "sm_90")
