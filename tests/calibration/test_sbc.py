"""The check that checks calibration: its bands hold, it passes what is right and finds what is wrong."""

import jax
import numpy as np
from arviz_stats.ecdf_utils import ecdf_pit

from calibration import sbc
from calibration.studies import sbc_lead_times


def test_uniform_numbers_stay_inside_the_band_as_often_as_it_says():
    rng = np.random.default_rng(7)
    kept = np.mean([sbc.inside(rng.random(100)) for _ in range(1000)])
    # binomial 99.9 % interval of 0.95 at 1000
    assert 0.927 <= kept <= 0.971


def test_the_band_is_that_of_arviz():
    at, _, low, high = ecdf_pit(np.random.default_rng(0).random(100), 0.95, 4000, rng=np.random.default_rng(1))
    b = sbc.band(100)
    # one count of a hundred: the bands are steps, and both are simulated
    np.testing.assert_allclose(np.interp(b.at, at, low), b.low / 100, atol=0.021)
    np.testing.assert_allclose(np.interp(b.at, at, high), b.high / 100, atol=0.021)


def test_ranks_are_uniform_where_posterior_and_truth_agree_ties_or_not():
    rng = np.random.default_rng(3)
    for digits in (10, 0):  # without and with ties
        drawn = np.round(rng.normal(0, 1.5, (64, 400)), digits)
        u = sbc.uniforms(drawn[0], drawn[1:], rng)
        assert sbc.p_value(u) > 0.001


def test_open_orders_are_right_and_leaving_them_out_is_found():
    """R = 64 replicates of 30 orders of one lane, about a third of them open."""
    with jax.enable_x64(True):
        found = sbc_lead_times.study(False, 64, readings=("censored", "closed only"), warmup=120, draws=99, thin=1)
    assert 0.2 < found["open"] < 0.5
    assert sbc.outside(found["censored"]) == [], found["censored"]
    assert {"mean of a lane", "p95 of a lane"} <= set(sbc.outside(found["closed only"])), found["closed only"]
    assert found["closed only"]["quantities"]["mean of a lane"]["bias"] < -0.05
