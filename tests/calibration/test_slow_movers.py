"""The law of slow movers sums to one, censored or not; where data has its shape it is chosen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calibration.demand.slow import Hurdle


def test_hurdle_sums_to_one_and_its_censored_parts_agree():
    with jax.enable_x64(True):
        law = Hurdle(jnp.float64(0.2), jnp.float64(0.6), jnp.float64(1.3))
        counts = jnp.arange(60)
        p = np.exp(np.asarray(jax.jit(law.log_prob)(counts)))
        assert p.sum() == pytest.approx(1, abs=1e-12)
        assert (p * np.arange(60)).sum() == pytest.approx(float(law.mean), rel=1e-10)
        np.testing.assert_allclose(np.exp(jax.jit(law.log_survival)(counts[:8])), p[::-1].cumsum()[::-1][:8], rtol=1e-9)
        between = np.exp(jax.jit(law.log_between)(jnp.array([0, 0, 2]), jnp.array([0, 3, 5])))
        np.testing.assert_allclose(between, [p[0], p[:4].sum(), p[2:6].sum()], rtol=1e-9)
