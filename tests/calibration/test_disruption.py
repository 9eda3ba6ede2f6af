"""The forward recursion against the sum over every path, and what comes after against the stationary law."""

from itertools import pairwise, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calibration.lead_times.disruption import Chain, forward, go_on


def test_the_recursion_is_the_sum_over_all_paths():
    rng = np.random.default_rng(0)
    weeks, suppliers, fall, leave = 6, 2, 0.1, 0.3
    seen = rng.normal(-1.0, 1.0, (weeks, suppliers, 2))
    with jax.enable_x64(True):
        chain = Chain(*(jnp.float64(x) for x in (fall, leave, 1.8)))
        total, disrupted = jax.jit(forward)(chain, jnp.asarray(seen))
    move = np.array([[1 - fall, fall], [leave, 1 - leave]])
    start = np.array([leave, fall]) / (fall + leave)
    for s in range(suppliers):
        mass = np.zeros(2)
        for path in product((0, 1), repeat=weeks):
            p = start[path[0]] * np.prod([move[a, b] for a, b in pairwise(path)])
            mass[path[-1]] += p * np.exp(sum(seen[w, s, path[w]] for w in range(weeks)))
        assert float(total[s]) == pytest.approx(np.log(mass.sum()), rel=1e-10)
        assert float(disrupted[-1, s]) == pytest.approx(mass[1] / mass.sum(), rel=1e-10)


def test_the_coming_weeks_forget_the_present_at_the_rate_of_the_chain():
    draws, fall, leave = 40_000, 0.1, 0.3
    now = np.ones((draws, 1))
    ahead = go_on(np.random.default_rng(0), now, np.full(draws, fall), np.full(draws, leave), 5)[:, :, 0]
    stationary = fall / (fall + leave)
    expected = stationary + (1 - stationary) * (1 - fall - leave) ** np.arange(1, 6)
    # five shares of 40,000: within 4 standard errors
    assert (abs(ahead.mean(axis=0) - expected) < 4 * 0.5 / np.sqrt(draws)).all()
