"""I-16: what is conserved is conserved by derivatives too, for every parameter at once.

Smooth mode; the residuals of I-01, I-02, I-06, I-07 and I-08 are linear in state and flows, so along any
direction in the space of all parameters their derivative is 0 but for rounding. Random directions leave no
parameter out.
"""

import dataclasses
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.ratio import SMOOTH
from tests.twin import small_shop
from twin.assembly import Model
from twin.ledger import ACCOUNT, ROW, balance
from twin.network import Network, into_nodes, out_of_nodes
from twin.policies import replenish
from twin.record import Record, nothing
from twin.simulate import play
from twin.state import Flows, State, changed

UNITS = ("cent", "ppm", "1/10000", "unit", "")
# structure, not parameters: who is what, and the posting table
STRUCTURE = ("posting", "channel", "supplier", "zero_share")
# the optimiser is not under test, and without it the derivative compiles in half the time
QUICK: Any = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
Deltas = dict[str, dict[str, Any]]


def trees(model: Model) -> dict[str, Any]:
    params = jax.tree.map(lambda x: x[0], model.params)
    days = model.inputs["ab"].days
    return {"network": model.network, "days": days, "policy": model.policy, "params": params}


def directions(model: Model, seed: int) -> Deltas:
    """A random change of every number that has a unit, in proportion to its size; infinite ones stay."""
    rng = np.random.default_rng(seed)
    found: Deltas = {}
    for name, tree in trees(model).items():
        for field in dataclasses.fields(tree):
            value = np.asarray(getattr(tree, field.name)) if "axes" in field.metadata else np.zeros(0, int)
            if value.dtype == np.float64 and field.metadata["unit"] in UNITS and field.name not in STRUCTURE:
                size = np.where(np.isfinite(value) & (np.abs(value) < 1e12), value, 0.0)
                found.setdefault(name, {})[field.name] = size * rng.normal(size=value.shape)
    first = model.opening
    found["opening"] = {
        "on_hand": first.goods.on_hand * rng.normal(size=first.goods.on_hand.shape),
        "stock_value": first.ledger.stock_value * rng.normal(size=first.ledger.stock_value.shape),
        "cash": np.asarray(1e5 * rng.normal()),
    }
    return found


def opened(network: Network, first: State, deltas: dict[str, Any]) -> State:
    """The opening with other cash, stock and stock value; capital balances them."""
    by_node = jnp.sum(deltas["stock_value"], axis=1)
    dc, store = by_node @ (1.0 - network.is_store), by_node @ network.is_store
    balances = jnp.asarray(first.ledger.balances)
    for code, change in ((1000, deltas["cash"]), (1200, dc), (1210, store)):
        balances = balances.at[ACCOUNT[code]].add(change).at[ACCOUNT[3000]].add(-change)
    book = changed(first.ledger, balances=balances, stock_value=first.ledger.stock_value + deltas["stock_value"])
    goods = changed(first.goods, on_hand=first.goods.on_hand + deltas["on_hand"])
    return State(goods=goods, dues=first.dues, ledger=book, policy=first.policy)


def accounts(network: Network, state: State) -> jax.Array:
    """I-06, I-07, I-08 as differences that can have either sign."""
    d, book, b = state.dues, state.ledger, state.ledger.balances
    by_node, by_lane = jnp.sum(book.stock_value, axis=1), jnp.sum(book.transit_value, axis=1)
    receivable = jnp.sum(d.receivables) + jnp.sum(d.writeoffs)
    return jnp.stack(
        [
            jnp.sum(b),
            jnp.sum(d.payables) + balance(b, 2000),
            receivable - balance(b, 1100) - balance(b, 1110),
            jnp.sum(d.accrued) + d.arrears[0] + balance(b, 2100),
            jnp.sum(d.taxes[:, 1]) + d.arrears[3] + balance(b, 2210),
            jnp.sum(d.interest) + d.arrears[4] + balance(b, 2300),
            jnp.sum(d.overdue) + balance(b, 2010),
            by_node @ (1.0 - network.is_store) - balance(b, 1200),
            by_node @ network.is_store - balance(b, 1210),
            by_lane @ (1.0 - network.internal) - balance(b, 1220),
            by_lane @ network.internal - balance(b, 1230),
            jnp.sum(book.deposits) - balance(b, 1300),
            jnp.sum(book.allowance) + balance(b, 1290),
        ]
    )


@cache
def company(rich: bool) -> Model:
    return small_shop.shop(rich=rich)


def conserved(rich: bool, deltas: Deltas, posting: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(day, residual) of money in cents, (node, product) of stock in units, and (day, account) balances."""
    model = company(rich)
    model = dataclasses.replace(
        model,
        network=jax.tree.map(jnp.asarray, model.network),
        inputs={"ab": jax.tree.map(jnp.asarray, model.inputs["ab"])},
        opening=jax.tree.map(jnp.asarray, model.opening),
    )
    tree = {
        name: changed(tree, **{field: getattr(tree, field) + delta for field, delta in deltas[name].items()})
        for name, tree in trees(model).items()
    }
    network = changed(tree["network"], posting=posting)

    def series(state: State, flows: Flows) -> tuple[jax.Array, jax.Array]:
        return accounts(network, state), flows.balances

    def totals(state: State, flows: Flows) -> jax.Array:
        came = into_nodes(network.sizes, flows.received) - out_of_nodes(network, flows.shipped)
        return came - flows.sold - flows.shrunk - flows.expired + flows.returned

    first = opened(network, model.opening, deltas["opening"])
    zero = jnp.uint32(0)
    closing, (money, balances), moved, _, _ = play(
        network, replenish, tree["policy"], small_shop.flat_demand, tree["params"],
        changed(model.inputs["ab"], days=tree["days"]), first, jnp.uint32(5), (zero, zero),
        arithmetic=SMOOTH, record=Record(series, totals, nothing),
    )  # fmt: skip
    return money, first.goods.on_hand + moved - closing.goods.on_hand, balances


@cache
def tangent(rich: bool) -> Any:
    """The compiled derivative: (deltas, posting table) -> derivative of `conserved` along deltas."""

    def along(deltas: Deltas, posting: jax.Array) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, deltas)
        return jax.jvp(lambda x: conserved(rich, x, posting), (zeros,), (deltas,))

    return jax.jit(along, compiler_options=QUICK)


@pytest.mark.parametrize("rich", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_i16_derivatives_are_conserved(rich: bool) -> None:
    model = company(rich)
    table = np.asarray(model.network.posting)
    for seed in range(3):
        found, derivative = tangent(rich)(directions(model, seed), jnp.asarray(table))
        for money, units, balances in (found, derivative):
            size = np.abs(balances).max()
            assert size > 1e5
            assert np.abs(money).max() <= 1e-12 * size
            assert np.abs(units).max() <= 1e-12 * (1 + np.abs(model.opening.goods.on_hand).max())
    # it can fail: a sale whose credit leg is a thousandth too large
    broken = table.copy()
    broken[ROW["consumer sale"], ACCOUNT[4000]] = -1.001
    _, (money, _, balances) = tangent(rich)(directions(model, 0), jnp.asarray(broken))
    assert np.abs(money[:, 0]).max() > 1e-7 * np.abs(balances).max()


@pytest.mark.slow
def test_i16_gradients_of_residuals_are_zero() -> None:
    """Reverse mode: the gradient of a random mixture of residuals, beside that of a mixture of balances."""
    model = company(False)
    deltas = directions(model, 0)
    zeros, table = jax.tree.map(np.zeros_like, deltas), jnp.asarray(model.network.posting)
    rng = np.random.default_rng(1)

    @jax.jit
    def gradients(x: Deltas) -> tuple[Any, Any]:
        out, back = jax.vjp(lambda y: conserved(False, y, table), x)
        mixed = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape)), out)
        nothing_of = jax.tree.map(jnp.zeros_like, mixed)
        return back((mixed[0], mixed[1], nothing_of[2]))[0], back((nothing_of[0], nothing_of[1], mixed[2]))[0]

    residual, ordinary = gradients(zeros)
    for name, fields in residual.items():
        for field, gradient in fields.items():
            # what a parameter moves in any account bounds the rounding of what it must not move
            bound = 1e-9 * max(1.0, float(np.abs(ordinary[name][field]).max(initial=0.0)))
            assert np.abs(gradient).max(initial=0.0) <= bound, (name, field)
