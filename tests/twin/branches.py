"""Which way every min, max, where and comparison of a day went: an engine that plays as `scan` does and writes it down.

The step is traced once and run operation by operation; the decisions of each are added with random weights. Two runs
with equal sums took the same branch everywhere, so between them the company is one smooth function. A tie but for
rounding is a branch of its own: a position that stays at its level is no kink.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.core import Literal

from twin.state import changed

ROUNDING = 1e-6  # of a unit, a cent, or a millionth
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
CALLS = {
    "pjit": "jaxpr",
    "jit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "remat": "jaxpr",
    "checkpoint": "jaxpr",
}


def watched(step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, days: Any) -> tuple[Any, Any]:
    """`scan`, and beside the series "branches": (day, decision)."""
    first = jax.tree.map(lambda x: x[0], days)

    def without_residuals(carry: Any, today: Any) -> Any:
        # residuals are rounding errors, and which of them is worst is no branch of the company
        (state, totals, _), out = step(carry, today)
        low, high = carry[0].ledger.cost_low, carry[0].ledger.cost_high  # kept for those residuals only
        return (changed(state, ledger=changed(state.ledger, cost_low=low, cost_high=high)), totals), out

    traced, shapes = jax.make_jaxpr(without_residuals, return_shape=True)(carry, first)

    def body(carry: Any, today: Any) -> tuple[Any, Any]:
        out, codes = _run(traced.jaxpr, traced.consts, jax.tree.leaves((carry, today)), _Weights())
        after, (series, pooled) = jax.tree.unflatten(jax.tree.structure(shapes), out)
        return (*after, carry[2]), ({**series, "branches": jnp.stack(codes)}, pooled)

    return lax.scan(body, carry, days)


class _Weights:
    """Random weights, other ones for each decision of the programme."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, shape: tuple[int, ...]) -> np.ndarray:
        return self.rng.random(shape)


def _decision(name: str, values: list[Any]) -> Array | None:
    """1: the first is larger, -1: smaller, 0: a tie but for rounding. None where nothing is decided."""
    if not values or values[0].dtype != jnp.float64:
        return None
    if name in ("abs", "sign"):
        values = [values[0], jnp.zeros_like(values[0])]
    elif name not in ("max", "min", *COMPARISONS):
        return None
    a, b = jnp.broadcast_arrays(*values)
    tie = jnp.abs(a - b) <= ROUNDING * jnp.maximum(1.0, 1e-3 * jnp.minimum(jnp.abs(a), jnp.abs(b)))
    return jnp.where(tie, 0.0, jnp.where(a > b, 1.0, -1.0))


def _run(jaxpr: Any, consts: Any, arguments: Any, weights: _Weights) -> tuple[list[Any], list[Array]]:
    env: dict[Any, Any] = {}
    codes: list[Array] = []

    def read(v: Any) -> Any:
        return v.val if isinstance(v, Literal) else env[v]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, arguments, strict=True))
    for eqn in _used(jaxpr):
        values = [read(v) for v in eqn.invars]
        name = eqn.primitive.name
        if name in CALLS and CALLS[name] in eqn.params:
            inner = eqn.params[CALLS[name]]
            inner_jaxpr, inner_consts = (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, [])
            out, more = _run(inner_jaxpr, inner_consts, values, weights)
            codes += more
        elif name == "cond":
            branches = [_branch(branch, weights) for branch in eqn.params["branches"]]
            out, more = lax.switch(values[0], branches, *values[1:])
            codes.append(more)
        else:
            decided = _decision(name, values)
            if decided is not None:
                codes.append(jnp.sum(decided * weights(decided.shape)))
            found = eqn.primitive.bind(*values, **eqn.params)
            out = found if eqn.primitive.multiple_results else [found]
        env.update(zip(eqn.outvars, out, strict=True))
    return [read(v) for v in jaxpr.outvars], codes


def _used(jaxpr: Any) -> list[Any]:
    """The equations that some result needs."""
    needed = {v for v in jaxpr.outvars if not isinstance(v, Literal)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if needed.intersection(eqn.outvars):
            kept.append(eqn)
            needed.update(v for v in eqn.invars if not isinstance(v, Literal))
    return kept[::-1]


def _branch(branch: Any, weights: _Weights) -> Callable[..., Any]:
    def played(*given: Any) -> tuple[list[Any], Array]:
        out, codes = _run(branch.jaxpr, branch.consts, given, weights)
        return out, sum(codes, jnp.zeros((), jnp.float64))

    return played
