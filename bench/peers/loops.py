"""The two loops that measure a machine: memory triad, and a chain of multiply-adds in registers."""

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def triad(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    for i in range(len(a)):
        a[i] = b[i] + 3.0 * c[i]


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def multiply_add(x: np.ndarray, rounds: int, by: float, plus: float) -> None:
    for _ in range(rounds):
        for i in range(len(x)):
            y = (((x[i] * by + plus) * by + plus) * by + plus) * by + plus
            x[i] = (((y * by + plus) * by + plus) * by + plus) * by + plus
