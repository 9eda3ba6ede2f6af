"""Residual life, tables of days and scores, against SciPy's own distributions."""

import numpy as np
import pytest
from scipy import special, stats

from calibration.backtest import scores
from calibration.lead_times import families, forecast

M, K = 20.0, 4.0
SIGMA = np.sqrt(np.log1p(1 / K))
EXPONENT = K**0.543
LAWS = (
    stats.gamma(K, scale=M / K),
    stats.lognorm(SIGMA, scale=M * np.exp(-(SIGMA**2) / 2)),
    stats.weibull_min(EXPONENT, scale=M / np.exp(special.gammaln(1 + 1 / EXPONENT))),
)


@pytest.mark.parametrize("family", range(3), ids=families.NAMES)
def test_an_open_order_is_drawn_from_what_is_left_of_its_law(family):
    u = np.linspace(0.01, 0.99, 25)
    for age in (0.0, 15.0, 60.0):
        drawn = forecast.residual(u, np.array(age), M, K, family)
        assert (drawn >= age).all()
        # the share that takes longer, given the age, is u
        np.testing.assert_allclose(LAWS[family].sf(drawn) / LAWS[family].sf(age), u, rtol=1e-9)
    assert LAWS[family].mean() == pytest.approx(M)
    assert np.isfinite(forecast.residual(u, np.array(5000.0), M, K, family)).all()


@pytest.mark.parametrize("rounding", ["up", "nearest", "down"])
def test_the_table_of_days_is_the_law_of_what_the_record_would_show(rounding):
    rng = np.random.default_rng(1)
    days = np.maximum(forecast.whole_days(LAWS[0].rvs(200_000, random_state=rng), rounding), 1)
    table = forecast.day_table(np.array([[M]]), np.array([[K]]), np.array([families.GAMMA]), 40, rounding)[0, 0]
    assert table[-1] == 1.0 and (np.diff(table) >= 0).all()
    empirical = (days[:, None] <= np.arange(1, 40)).mean(axis=0)
    # 39 binomial shares of 200,000: the largest of them strays by less than 4.5 standard errors
    assert (abs(empirical - table[:-1]) < 4.5 * np.sqrt(0.25 / 200_000)).all()


def test_the_band_of_coverage_holds_a_perfect_model():
    low, high = scores.band(400, 0.8)
    assert stats.binom.cdf(high * 400, 400, 0.8) - stats.binom.cdf(low * 400 - 1, 400, 0.8) >= 0.999
    assert low < 0.8 < high
