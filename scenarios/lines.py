"""Lines that must not break: liquidity, covenants, service; a figure of a future and the level below which it has."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array

from scenarios.points import Outcome


def liquidity(found: Outcome) -> Array:
    """Lowest cash and undrawn line less what is overdue, cents."""
    return found.liquidity


def covenants(found: Outcome) -> Array:
    """Lowest headroom to any covenant on a test day, cents."""
    return jnp.min(found.slack)


def fill(found: Outcome) -> Array:
    """Demand met / demand."""
    return found.fill


LINES: dict[str, Callable[[Outcome], Array]] = {"cash": liquidity, "covenant": covenants, "fill": fill}


@dataclass(frozen=True)
class Line:
    """What must not break: a figure of a future and the level below which it has; in which share of futures."""

    name: str  # cash, covenant or fill
    floor: float  # cents, or a share for fill
    share: float = 0.5

    def margins(self, found: Outcome) -> np.ndarray:
        """(point,) figure less floor."""
        if self.name == "covenant":
            return np.asarray(found.slack.min(axis=-1, initial=np.inf)) - self.floor
        return np.asarray(found.liquidity if self.name == "cash" else found.fill) - self.floor
