"""Whether the world has moved: a test of PIT values that may be looked at every day, and what to do when it speaks.

A bet against "PIT values are uniform" that grows when they are not: under the null its value is a martingale, so the
chance that it ever exceeds 1 / a is at most a, however often one looks (Ville 1939; Vovk and Wang 2021).
"""

from typing import NamedTuple

import numpy as np

AMBER, RED, RED_SEGMENTS = 20.0, 100.0, 3
LOW_COVERAGE, WINDOW = 0.7, 28  # of the 80 % range, over so many days
# Bets on a lower, higher, narrower and wider world than forecast: densities on [0, 1], mixed in equal parts.
STRENGTHS = (0.25, 0.5, 0.9)


def e_process(pits: np.ndarray) -> np.ndarray:
    """(.., day) the largest wealth so far of bets on PIT values (.., day) in [0, 1].

    Densities 1 +- s (2u - 1) see a shift of the level, 1 +- s (12 (u - 1/2)^2 - 1) / 2 a wrong spread; each is
    positive for s < 1 and integrates to 1. A share 1 / (j (j + 1)) of the wealth waits until window j begins, so that a
    change after long calm is seen; whoever waits holds a constant, and all remains a martingale. The running maximum
    may be compared with 1 / a at any time.
    """
    u = np.asarray(pits, float)[..., None]
    level, spread = 2 * u - 1, (12 * (u - 0.5) ** 2 - 1) / 2
    s = np.array(STRENGTHS)
    bets = np.log(np.concatenate([1 + s * level, 1 - s * level, 1 + s * spread, 1 - s * spread], axis=-1))
    begins = range(0, bets.shape[-2], WINDOW)
    wealth = np.full(bets.shape[:-1], 1 / (len(begins) + 1))
    for j, begin in enumerate(begins, start=1):
        share = 1 / (j * (j + 1))
        wealth[..., :begin] += share
        wealth[..., begin:] += share * np.exp(np.cumsum(bets[..., begin:, :], axis=-2)).mean(axis=-1)
    return np.asarray(np.maximum.accumulate(wealth, axis=-1))


class Alarm(NamedTuple):
    """`state` green, amber or red; `segments` that speak; `why` in words; `do` what the cycle does now."""

    state: str
    segments: list[str]
    why: str
    do: str


def watch(pits: dict[str, np.ndarray]) -> Alarm:
    """From PIT values by segment, each (day,), in time order (CALIBRATION.md 3.8)."""
    wealth = {name: float(e_process(u)[-1]) for name, u in pits.items() if len(u)}
    speaks = sorted((name for name, e in wealth.items() if e > AMBER), key=lambda name: -wealth[name])
    recent = np.concatenate([u[-WINDOW:] for u in pits.values()]) if pits else np.zeros(0)
    covered = float((np.abs(recent - 0.5) <= 0.4).mean()) if len(recent) >= WINDOW else 1.0
    why = ", ".join(f"{name}: e = {wealth[name]:.3g}, {_reason(pits[name])}" for name in speaks)
    if covered < LOW_COVERAGE:
        why = f"{why}; " * bool(why) + f"80 % range covered {covered:.0%} of the last {WINDOW} days"
    if any(wealth[name] > RED for name in speaks) or len(speaks) >= RED_SEGMENTS or covered < LOW_COVERAGE:
        return Alarm("red", speaks, why, "full refit, with an audit by NUTS")
    if speaks:
        return Alarm("amber", speaks, why, "refit of these segments from the last posterior")
    return Alarm("green", [], "PIT values are as uniform as chance allows", "weekly refit as planned")


def _reason(pits: np.ndarray) -> str:
    """In which way the world differs from the forecast."""
    middle, away = float(np.mean(pits)), float(np.mean(np.abs(pits - 0.5)))
    if abs(middle - 0.5) > abs(away - 0.25):
        return "level above forecast" if middle > 0.5 else "level below forecast"
    return "spread wider than forecast" if away > 0.25 else "spread narrower than forecast"
