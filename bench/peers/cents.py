"""Whole-number arithmetic of the twin for a loop in Numba: IEEE division decides every rounding below 2^52."""

from typing import Any

import numpy as np

from bench.peers.luck import jit


@jit
def half_even(amount: float, by: float, over: float) -> float:
    """amount x by / over to the nearest whole number, ties to even; the product stays below 2^52."""
    return float(np.rint(amount * by / over))


@jit
def part(value: float, units: float, of: float) -> float:
    """The value that `units` of `of` units carry; all of it with the last unit."""
    if units == of:
        return value
    return float(np.rint(value * units / of)) if units > 0 else 0.0


@jit
def floor_scaled(amount: float, by: float, over: float) -> float:
    """floor(amount x by / over) where the product may pass 2^53: long division, eight bits at a time."""
    a, b, d = np.int64(amount), np.int64(by), np.int64(over)
    quotient = rest = np.int64(0)
    for shift in range(48, -1, -8):
        rest = (rest << 8) + ((a >> shift) & 255) * b
        quotient = (quotient << 8) + rest // d
        rest %= d
    return float(quotient)


@jit
def serve(available: float, claims: Any, paid: Any) -> float:
    """Ration `available` over claims in order (DAY.md 1); adds to paid, returns what is left."""
    total = 0.0
    for claim in claims:
        total += claim
    if total <= available:
        for i in range(len(claims)):
            paid[i] += claims[i]
        return available - total
    upto = before = 0.0
    for i in range(len(claims)):
        upto += claims[i]
        share = floor_scaled(available, upto, total)
        paid[i] += share - before
        before = share
    return 0.0
