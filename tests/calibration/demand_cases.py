"""A small panel of the synthetic company, with every kind of cell, for tests of the demand model."""

import dataclasses

import numpy as np

from calibration.panel import EXACT, INTERVAL, MASKED, Panel
from calibration.synthetic import Settings, draw
from calibration.synthetic.tables import panel

SMALL = Settings(stores=2, items=6, days=84, categories=2, category_week=0.05, company_week=0.05, store_day=0.05)


def small_panel(seed: int = 3) -> Panel:
    """Two stores, six items, twelve weeks; two per cent of cells masked, some known within an interval."""
    found = panel(draw(SMALL, seed))
    rng = np.random.default_rng(seed)
    kind, bound = found.kind.copy(), found.bound.copy()
    hidden = rng.random(kind.shape) < 0.02
    kind[hidden] = MASKED
    wide = (kind == EXACT) & (rng.random(kind.shape) < 0.03)
    kind[wide] = INTERVAL
    bound[wide] = found.value[wide] + 2
    return dataclasses.replace(found, kind=kind, bound=bound)
