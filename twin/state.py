"""The nouns that change: what is carried from day to day (State) and what a day reports (Flows).

Every array states its axes and its unit once, on the line where it is declared; shape checks, documentation and the
export to xarray read that line.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np
from jax import Array

T = TypeVar("T")


def array(axes: str, unit: str, about: str, dtype: str = "float64") -> Any:
    """A field of a pytree: named axes (blank-separated, "" for a scalar), unit, what it is, and its dtype."""
    metadata = {"axes": tuple(axes.split()), "unit": unit, "about": about, "dtype": dtype}
    return dataclasses.field(metadata=metadata)


def static() -> Any:
    """A field that is part of the compiled programme: sizes, never numbers."""
    return dataclasses.field(metadata={"static": True})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(array, static))
def pytree(cls: type[T]) -> type[T]:
    """A frozen, keyword-only dataclass that JAX walks through."""
    return jax.tree_util.register_dataclass(dataclasses.dataclass(frozen=True, kw_only=True)(cls))


def as_declared(tree: T, sizes: Mapping[str, int], leading: tuple[str, ...] = ()) -> T:
    """The same pytree with every array in its declared dtype, after checking its shape; sub-trees are left alone.

    sizes: length of each named axis; an axis that is not named may have any length. leading: axes in front of the
    declared ones. Raises ValueError that names the field, its axes and the shape found.
    """
    fields = {}
    for field in dataclasses.fields(tree):  # type: ignore[arg-type]
        if "axes" not in field.metadata:
            continue
        value = np.asarray(getattr(tree, field.name), field.metadata["dtype"])
        axes = (*leading, *field.metadata["axes"])
        fits = len(axes) == value.ndim and all(
            sizes.get(axis, length) == length for axis, length in zip(axes, value.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{type(tree).__name__}.{field.name}: expected axes {axes}, found shape {value.shape}")
        fields[field.name] = value
    return changed(tree, **fields)


def declared_shapes(kind: type[T], sizes: Mapping[str, int]) -> T:
    """A pytree of shapes and dtypes as declared, to plan with before there are numbers. sizes: of every named axis."""
    struct: Any = jax.ShapeDtypeStruct
    return kind(
        **{
            field.name: struct(tuple(sizes[axis] for axis in field.metadata["axes"]), field.metadata["dtype"])
            for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        }
    )


def changed(tree: T, **fields: Any) -> T:
    """A copy of a pytree with some fields replaced."""
    return dataclasses.replace(tree, **fields)  # type: ignore[type-var]


@pytree
class Goods:
    """Units, everywhere they can be."""

    on_hand: Array = array("node product", "unit", "stock on hand")
    backorders: Array = array("node product", "unit", "customer demand waiting for stock")
    open: Array = array("lane product", "unit", "ordered and not yet dispatched")
    transit: Array = array("slot lane product", "unit", "on the way, by arrival day modulo the slots")
    in_transit: Array = array("lane product", "unit", "on the way, all slots together")
    slot_units: Array = array("slot lane", "unit", "what each slot ought to hold, kept apart as a check")
    latest_arrival: Array = array("lane", "day", "latest arrival day of anything that left, for lanes without crossing")
    sold: Array = array("return_slot node product", "unit", "sales of the last days, for returns")
    received: Array = array("life_slot node perishable", "unit", "receipts and returns of the last days, for expiry")
    fresh: Array = array("node perishable", "unit", "sum of the receipts that are still within the shelf life")


@pytree
class Dues:
    """What falls due when, and what was not paid when it fell due."""

    payables: Array = array("due_slot supplier", "cent", "trade payables by due day modulo the slots")
    receivables: Array = array("due_slot channel", "cent", "receivables by due day")
    writeoffs: Array = array("due_slot channel", "cent", "receivables that will be written off, by day")
    accrued: Array = array("due_slot", "cent", "accrued expenses (2100) by due day")
    taxes: Array = array("due_slot tax", "cent", "declared VAT and income tax by due day")
    overdue: Array = array("supplier", "cent", "unpaid trade bills (2010)")
    arrears: Array = array("claim", "cent", "unpaid dues of accounts 2100, 2150, 2200, 2210, 2300, 2500")
    interest: Array = array("facility", "cent", "interest and fees accrued and not yet due")


@pytree
class Ledger:
    """Balances and the sub-ledgers of value."""

    balances: Array = array("account", "cent", "balance of every account, debit positive")
    stock_value: Array = array("node product", "cent", "stock on hand at moving average cost")
    allowance: Array = array("node product", "cent", "write-down allowance on stock on hand")
    transit_value: Array = array("lane product", "cent", "titled and internal goods on the way, at cost")
    deposits: Array = array("outside product", "cent", "supplier deposits held by open orders")
    past_price: Array = array("return_slot product", "1/10000", "selling prices of the last days, for refunds")
    base: Array = array("", "cent", "borrowing base in force")
    untaxed_profit: Array = array("", "cent", "profit before tax since the last tax day")
    losses: Array = array("", "cent", "tax losses carried forward")
    default: Array = array("", "bool", "in default since an earlier close", "bool")
    unpaid_closes: Array = array("", "day", "closes in a row with overdue or arrears")
    breach_closes: Array = array("covenant", "day", "closes in a row in breach since a test day")
    cost_low: Array = array("product", "cent", "lowest unit cost received so far, for the check of averages")
    cost_high: Array = array("product", "cent", "highest unit cost received so far")


@pytree
class State:
    """Everything that is carried from one day to the next."""

    goods: Goods
    dues: Dues
    ledger: Ledger
    policy: Any  # a policy's own memory: any pytree, () for the classic ones


@pytree
class Flows:
    """What one day reports; nothing here is carried."""

    demand: Array = array("node product", "unit", "demand of the day")
    met: Array = array("node product", "unit", "demand of the day met from stock")
    sold: Array = array("node product", "unit", "units delivered to customers, old backorders included")
    lost: Array = array("node product", "unit", "demand lost for want of stock")
    returned: Array = array("node product", "unit", "units that came back from customers")
    shrunk: Array = array("node product", "unit", "units lost to shrink and damage")
    expired: Array = array("node product", "unit", "units past their shelf life")
    received: Array = array("lane product", "unit", "units that arrived")
    wished: Array = array("lane product", "unit", "orders before the supplier's limit and the cash gate")
    ordered: Array = array("lane product", "unit", "orders placed")
    shipped: Array = array("lane product", "unit", "units dispatched")
    capped: Array = array("", "shipment", "dispatches whose lead time was cut to the lane's maximum")
    revenue: Array = array("", "cent", "net sales")
    refused: Array = array("", "cent", "value at cost, net of VAT, of orders refused for want of money")
    paid: Array = array("", "cent", "payments of all classes")
    lapsed: Array = array("", "cent", "planned capex and dividends that could not be paid")
    amounts: Array = array("entry", "cent", "postings of the day by row of the posting table")
    balances: Array = array("account", "cent", "closing balances")
    headroom: Array = array("", "cent", "cash and undrawn line at the close")
    limit: Array = array("", "cent", "commitment or borrowing base, whichever is lower")
    covenant_value: Array = array("covenant", "cent", "measured value of each covenant")
    interest: Array = array("facility", "cent", "interest accrued today on opening balances")
    rate: Array = array("facility", "ppm", "interest rates of today")
    overrun: Array = array("", "day", "days by which a lead time passed the longest one planned for")
    sweep_violation: Array = array("", "cent", "drawn while over the limit, or drawn and repaid at once")
