"""Rings: amounts by the day on which they fall due, slot = day modulo the number of slots.

A ring has its slot axis first. It is read by gather and written by one scatter: a dynamic slice would make XLA copy
the whole ring every day. Nothing may be due `slots` days ahead or more; whoever builds the ring proves it.
"""

import jax.numpy as jnp
from jax import Array


def read(ring: Array, slot: Array) -> Array:
    """The amounts in one slot. ring: (slot, ...); slot: int32 scalar; returns (...)."""
    return ring.at[slot].get(mode="promise_in_bounds")


def add(ring: Array, slots: Array, rows: Array, amounts: Array) -> Array:
    """ring[slots[i], rows[i]] += amounts[i], one after the other. slots, rows: (k,) int32; amounts: (k, ...)."""
    return ring.at[slots, rows].add(amounts, mode="promise_in_bounds")


def replace(ring: Array, slot: Array, amounts: Array) -> Array:
    """Set one slot. ring: (slot, ...); amounts: (...)."""
    return ring.at[slot].set(amounts, mode="promise_in_bounds")


def read_rows(ring: Array, slot: Array) -> Array:
    """`read` of a large ring, row by row: (slot, k, ...) to (k, ...). XLA would slice, and copy, a ring read whole."""
    rows = jnp.arange(ring.shape[1], dtype=slot.dtype)
    return ring.at[jnp.broadcast_to(slot, rows.shape), rows].get(mode="promise_in_bounds")


def turn(ring: Array, slot: Array, taken: Array, slots: Array, amounts: Array) -> Array:
    """Take `taken` out of today's slot and add `amounts` at `slots`, in one scatter.

    ring: (slot, k, ...); taken and amounts: (k, ...); slots: (k,), never today's slot.
    """
    rows = jnp.arange(amounts.shape[0], dtype=slots.dtype)
    where = jnp.concatenate([jnp.broadcast_to(slot.astype(slots.dtype), slots.shape), slots])
    what = jnp.concatenate([-taken, amounts])
    return ring.at[where, jnp.concatenate([rows, rows])].add(what, mode="promise_in_bounds")
