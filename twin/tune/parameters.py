"""What can be tuned, where it stands in the model, and how its derivative may be taken.

A path is differentiable in a parameter if it is continuous in it with probability 1 and has an integrable modulus
(Glasserman, Gradient Estimation via Perturbation Analysis, 1991; Glasserman & Tayur, Management Science 41 (1995),
263-281, for base stock with capacities). Where the parameter moves the threshold of an indicator, the derivative of
the path misses what the jump adds, and is wrong without looking wrong: such a parameter has another method.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from twin.assembly import Model
from twin.ledger import ACCOUNT
from twin.network import Network
from twin.simulate import Inputs
from twin.state import State, array, changed, pytree


class Method(StrEnum):
    """How a derivative is estimated."""

    pathwise = "pathwise"
    conditional = "conditional Monte Carlo"
    evolution = "evolution strategies"


class NotSmooth(ValueError):
    """A pathwise derivative was asked for where it would be wrong."""

    def __init__(self, name: str, why: str, use: Method = Method.evolution) -> None:
        super().__init__(f"{name!r} has no pathwise derivative ({why}); use method {use.value!r}")


class Parts(NamedTuple):
    """The parts of a model that hold parameters."""

    network: Network
    policy: Any  # as the plan's policy takes it: Replenishment, or twin.tune.seasons.Seasonal
    inputs: Inputs
    opening: State

    @classmethod
    def of(cls, model: Model, scenario: str = "base") -> "Parts":
        return cls(model.network, model.policy, model.inputs[scenario], model.opening)


@dataclass(frozen=True)
class Parameter:
    """A number of the company that may be changed. get: parts -> array; put: (parts, array) -> parts."""

    name: str
    unit: str
    method: Method
    get: Callable[[Parts], Array]
    put: Callable[[Parts, Array], Parts]
    why: str = ""


def _of_policy(name: str, unit: str, why: str) -> Parameter:
    def put(parts: Parts, value: Array) -> Parts:
        return parts._replace(policy=changed(parts.policy, **{name: value}))

    return Parameter(name, unit, Method.evolution, lambda parts: getattr(parts.policy, name), put, why)


def _of_network(name: str, unit: str, why: str = "") -> Parameter:
    def put(parts: Parts, value: Array) -> Parts:
        return parts._replace(network=changed(parts.network, **{name: value}))

    method = Method.evolution if why else Method.pathwise
    return Parameter(name, unit, method, lambda parts: getattr(parts.network, name), put, why)


def _put_stock(parts: Parts, value: Array) -> Parts:
    """Order-up-to level and reorder point together: the distance between them stays."""
    p = parts.policy
    return parts._replace(policy=changed(p, order_up_to=value, reorder_point=p.reorder_point + (value - p.order_up_to)))


def _put_price(parts: Parts, value: Array) -> Parts:
    days = changed(parts.inputs.days, price=value)
    return parts._replace(inputs=changed(parts.inputs, days=days))


def _put_cash(parts: Parts, value: Array) -> Parts:
    """Opening cash; capital takes the difference."""
    book = parts.opening.ledger
    more = value - book.balances[ACCOUNT[1000]]
    balances = jnp.asarray(book.balances).at[ACCOUNT[1000]].add(more).at[ACCOUNT[3000]].add(-more)
    return parts._replace(opening=changed(parts.opening, ledger=changed(book, balances=balances)))


def _put_units(parts: Parts, value: Array) -> Parts:
    """Opening stock; each unit more at the average cost (standard cost where a node is empty), paid by capital."""
    n, first = parts.network, parts.opening
    book, had = first.ledger, first.goods.on_hand
    standard = jnp.broadcast_to(n.standard_cost[None, :] / 100.0, had.shape)
    cost = jnp.where(had > 0, book.stock_value / jnp.where(had > 0, had, 1.0), standard)
    worth = (value - had) * cost
    dc, store = jnp.sum(worth, axis=1) @ (1.0 - n.is_store), jnp.sum(worth, axis=1) @ n.is_store
    balances = jnp.asarray(book.balances).at[ACCOUNT[1200]].add(dc).at[ACCOUNT[1210]].add(store)
    balances = balances.at[ACCOUNT[3000]].add(-dc - store)
    book = changed(book, balances=balances, stock_value=book.stock_value + worth)
    return parts._replace(opening=changed(first, goods=changed(first.goods, on_hand=value), ledger=book))


def _put_season(parts: Parts, value: Array) -> Parts:
    return parts._replace(policy=changed(parts.policy, factor=value))


_TRIGGER = "it moves the moment of an order, which is a jump"
_WHOLE = "it is a whole number of days"
_PACK = "orders jump from one multiple to the next"
PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        Parameter("stock", "unit", Method.pathwise, lambda parts: parts.policy.order_up_to, _put_stock),
        Parameter("season", "", Method.pathwise, lambda parts: parts.policy.factor, _put_season),
        _of_policy("reorder_point", "unit", _TRIGGER),
        _of_policy("order_up_to", "unit", "apart from the reorder point " + _TRIGGER),
        _of_policy("lot", "unit", _PACK),
        _of_policy("period", "day", _WHOLE),
        _of_network("minimum_cash", "cent"),
        _of_network("gate_buffer", "cent"),
        _of_network("gate_beta", "ppm"),
        _of_network("commitment", "cent"),
        _of_network("credit_limit", "cent"),
        _of_network("rate", "ppm"),
        _of_network("commitment_fee", "ppm"),
        _of_network("cost", "1/10000"),
        _of_network("freight", "1/10000"),
        _of_network("storage_rate", "1/10000"),
        _of_network("deposit_share", "ppm"),
        _of_network("sourcing_share", "ppm"),
        _of_network("lane_capacity", "unit"),
        _of_network("source_capacity", "unit"),
        _of_network("order_cost", "cent", "whether there is an order at all is a jump"),
        _of_network("pack", "unit", _PACK),
        _of_network("minimum", "unit", _PACK),
        Parameter("price", "1/10000", Method.pathwise, lambda parts: parts.inputs.days.price, _put_price),
        Parameter("opening_cash", "cent", Method.pathwise, lambda parts: parts.opening.ledger.balances[0], _put_cash),
        Parameter("opening_stock", "unit", Method.pathwise, lambda parts: parts.opening.goods.on_hand, _put_units),
    )
}


@pytree
class Dial:
    """How one parameter follows a few numbers theta: cell = its value in the parts + unit x theta[group]."""

    unit: Array = array("..", "as the parameter", "change of the cell for each 1 of theta; 0: the cell stays")
    group: Array = array("..", "index", "the theta that the cell follows", "int32")


def dial(unit: np.ndarray, group: np.ndarray) -> Dial:
    """A dial from arrays of the host; both of the parameter's own shape."""
    host: Any = (np.asarray(unit, np.float64), np.asarray(group, np.int32))
    return Dial(unit=host[0], group=host[1])


Dials = dict[str, Dial]
Theta = dict[str, Any]


def turned(parts: Parts, dials: Dials, theta: Theta) -> Parts:
    """The parts with every parameter that has a dial moved. theta: by parameter, (group,)."""
    for name, dial in dials.items():
        parameter = PARAMETERS[name]
        parts = parameter.put(parts, parameter.get(parts) + dial.unit * jnp.asarray(theta[name])[dial.group])
    return parts
