"""The smallest standard inventory environment on Gymnasium: one location, lead time, base stock as its agent.

or-gym, the usual one, no longer installs; this one does what its NewsvendorEnv does, without its lists.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from bench.peers.base_stock import HOLDING, LEAD, LEVEL, MEAN, PENALTY


class InventoryEnv(gymnasium.Env):
    """Observation: stock (negative: backlog) and the orders on the way, soonest first. Action: units to order."""

    def __init__(self, periods: int) -> None:
        self.periods = periods
        self.action_space = spaces.Box(0.0, np.inf, (1,))
        self.observation_space = spaces.Box(-np.inf, np.inf, (1 + LEAD,))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.day = 0
        self.state = np.zeros(1 + LEAD, np.float32)
        self.state[0] = LEVEL
        return self.state.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        stock = self.state[0] + self.state[1] - self.np_random.poisson(MEAN)
        self.state[1:-1] = self.state[2:]
        self.state[0], self.state[-1] = stock, action[0]
        self.day += 1
        paid = HOLDING * max(stock, 0.0) + PENALTY * max(-stock, 0.0)
        return self.state.copy(), -float(paid), False, self.day >= self.periods, {}


def play(periods: int, seed: int = 0) -> float:
    """One episode under base stock; mean stock on hand at the close once the first orders are in."""
    env = InventoryEnv(periods)
    seen, _ = env.reset(seed=seed)
    held, done, day = 0.0, False, 0
    while not done:
        action = np.maximum(LEVEL - seen.sum(keepdims=True), 0.0)
        seen, _, _, done, _ = env.step(action)
        held += max(float(seen[0]), 0.0) if day > LEAD else 0.0
        day += 1
    return held / (periods - LEAD - 1)
