"""Leave-one-out densities against a case with an exact answer, and lanes that keep or leave everybody's family."""

import numpy as np
from scipy import stats

from calibration.lead_times.choice import families_of_lanes, left_out


def test_left_out_densities_are_those_of_the_conjugate_normal():
    rng = np.random.default_rng(0)
    seen, n = rng.normal(1.0, 1.0, 40), 40
    draws = rng.normal(seen.sum() / (n + 1), 1 / np.sqrt(n + 1), (4000, 1))  # prior N(0, 1), unit variance
    found, khat = left_out(stats.norm.logpdf(seen, draws, 1.0))
    others = seen.sum() - seen
    exact = stats.norm.logpdf(seen, others / n, np.sqrt(1 + 1 / n))
    np.testing.assert_allclose(found, exact, atol=0.02)
    assert khat.shape == (40,) and (khat < 0.7).all()
    masked, _ = left_out(np.column_stack([stats.norm.logpdf(seen[:1], draws, 1.0), np.zeros(4000)]))
    np.testing.assert_allclose(masked, [found[0], 0.0])


def test_a_lane_leaves_the_family_of_all_only_where_its_orders_say_so_clearly():
    rng = np.random.default_rng(1)
    lane = np.repeat(np.arange(4), [60, 60, 60, 2])
    elpd = rng.normal(0.0, 0.1, (3, len(lane)))
    elpd[1] += 0.3  # best for nearly all
    elpd[2, lane == 1] += 0.6  # lane 1 is another kind
    elpd[0, lane == 3] += 0.5  # two orders that both like family 0
    found = families_of_lanes(elpd, lane, np.ones(len(lane)), 5)
    assert found.tolist()[:3] == [1, 2, 1] and found[4] == 1
