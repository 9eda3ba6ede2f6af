"""The truth is found again within the limits; who takes sales for demand, or drops stock-outs, misses them."""

import json

import numpy as np
import pytest

from calibration.demand import choice, model
from calibration.demand.data import data
from calibration.inference import fit, gates
from calibration.inference.laplace import Blocks
from calibration.studies import demand
from calibration.synthetic import Settings
from tests.calibration.demand_cases import small_panel

SHOCKS = {"company_week": 0.05, "category_week": 0.05, "store_day": 0.05, "drift": 0.005}


@pytest.mark.slow
def test_demand_is_recovered_and_the_controls_fail():
    found = demand.study(Settings(stores=4, items=100, days=365, **SHOCKS), seeds=5, steps=2000)
    assert not found["censored"]["missed"], json.dumps(found["censored"], indent=1)
    for control in ("naive", "drop"):
        assert {"demand", "promotion_demand", "elasticity"} <= set(found[control]["missed"]), found[control]


@pytest.mark.slow
def test_nuts_and_laplace_agree():
    """Another derivation of the same posterior: means within a third of a deviation, spreads within a third."""
    panel = small_panel()
    arrays = data(panel)
    start = model.start(arrays)
    reference = fit(model.demand, arrays, engine="nuts", start=start, draws=500, warm_up=500, chains=4)
    quick = fit(model.demand, arrays, blocks=Blocks("item", "category", panel.category), start=start, draws=2000)
    for name in ("level", "elasticity", "lift", "log_size"):
        one, other = (np.asarray(t["posterior"][name].values) for t in (reference, quick))
        spread = one.std(axis=(0, 1))
        assert (np.abs(one.mean(axis=(0, 1)) - other.mean(axis=(0, 1))) < spread / 3).mean() > 0.9, name
        assert np.abs(np.log(other.std(axis=(0, 1)) / spread)).mean() < np.log(4 / 3), name
    assert {gate.name for gate in gates.table(reference)} >= {"divergences", "rank R-hat, largest"}


@pytest.mark.slow
def test_the_default_law_keeps_its_own_data():
    found = choice.choose(small_panel())
    assert not found.takes_slow.any()
    assert np.isfinite(found.default).all() and np.isfinite(found.slow).all()
