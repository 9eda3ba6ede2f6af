"""Demand meets the shelf: sales, stock and what was lost; the ordering policy sees no promotion."""

from dataclasses import dataclass

import numpy as np

from calibration.synthetic.truth import Settings, Truth, truth


@dataclass(frozen=True)
class Synthetic:
    """Whole units; axes (store, item, day). Stock at the opening is known before the day's demand: it is the bound."""

    truth: Truth
    demand: np.ndarray  # what was wanted of this item first; nobody in the company can see it
    sold: np.ndarray  # what the till saw, substitutes included
    on_hand_open: np.ndarray  # after the morning's delivery
    flagged: np.ndarray  # bool: whether the stock of that day was recorded
    returned: np.ndarray

    @property
    def on_hand_close(self) -> np.ndarray:
        return self.on_hand_open - self.sold


def draw(settings: Settings = Settings(), seed: int = 0) -> Synthetic:  # noqa: B008 (frozen)
    """The company of a seed; the same settings and seed give the same company in every process."""
    t = truth(settings, np.random.default_rng([seed, 1]))
    rng = np.random.default_rng([seed, 2])
    mean, size = t.mean(), t.size[None, :, None]
    demand = rng.poisson(mean * rng.gamma(size, 1 / size, mean.shape))
    demand *= rng.random(mean.shape) >= t.zero[None, :, None]
    sold, on_hand = _shelves(t, demand, np.random.default_rng([seed, 3]))
    rng = np.random.default_rng([seed, 4])
    hidden = (on_hand == sold) & t.listed & (rng.random(sold.shape) < settings.unflagged)
    return Synthetic(t, demand, sold, on_hand, ~hidden, rng.binomial(sold, 0.01))


def _shelves(t: Truth, demand: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(store, item, day) sold and stock at the opening under review every `review` days, order up to a level."""
    s = t.settings
    ordinary = np.exp(t.base) * (1 - t.zero)
    over = s.review + s.lead
    level = np.ceil(ordinary * over + s.safety * np.sqrt(over * (ordinary + ordinary**2 / t.size))).astype(np.int64)
    sold, opening = np.empty(demand.shape, np.int64), np.empty(demand.shape, np.int64)
    stock, coming = np.zeros_like(level), np.zeros((s.lead, *level.shape), np.int64)
    for day in range(s.days):
        new = t.listed[:, day] & ~(t.listed[:, day - 1] if day else np.zeros(s.items, bool))
        stock = stock + coming[day % s.lead] + level * new
        coming[day % s.lead] = 0
        opening[:, :, day] = stock
        takes = np.minimum(demand[:, :, day], stock)
        if s.substitution:
            takes = takes + _substitutes(t, demand[:, :, day] - takes, stock - takes, rng)
        sold[:, :, day] = takes
        stock = stock - takes
        if day % s.review == 0:
            coming[day % s.lead] += np.maximum(level - stock - coming.sum(axis=0), 0) * t.listed[:, day]
    return sold, opening


def _substitutes(t: Truth, unmet: np.ndarray, left: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(store, item) units taken in place of another item of the category, as far as they are there."""
    moved = rng.binomial(unmet, t.settings.substitution)
    taken = np.zeros_like(left)
    for category in np.unique(t.category):
        own = t.category == category
        weight = np.exp(t.base[:, own]) * (left[:, own] > 0) + 1e-12
        asked = rng.multinomial(moved[:, own].sum(axis=1), weight / weight.sum(axis=1, keepdims=True))
        taken[:, own] = np.minimum(asked, left[:, own])
    return taken
