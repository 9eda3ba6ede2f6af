"""From decimals to quanta: cents, 1/10,000, millionths, as whole numbers in float64."""

from decimal import Decimal

import numpy as np


def cents(amount: Decimal | int) -> float:
    return float(amount * 100)


def price(amount: Decimal) -> float:
    """1/10,000 of a currency unit."""
    return float(amount * 10_000)


def ppm(fraction: Decimal) -> float:
    return float(fraction * 1_000_000)


def half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator >= 0 to nearest, ties to even, in whole-number arithmetic."""
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2))


def split(total: int, weights: list[int]) -> list[int]:
    """Whole parts of a total in proportion to weights, by differences of the floored running share."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    upto = np.cumsum(np.asarray(weights, object))
    shares = [total * int(c) // whole for c in upto]
    return [a - b for a, b in zip(shares, [0, *shares[:-1]], strict=True)]


def up_to(count: int, step: int) -> int:
    """count rounded up to a multiple of step: sizes in coarse steps, so that programmes are reused."""
    return -(-count // step) * step
