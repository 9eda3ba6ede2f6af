"""Families of lead times against mpmath at 40 digits: the middle, both tails, beyond underflow; gradients too."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from calibration.lead_times import families

# t, mean, shape: ordinary orders, a day-old supplier, very regular ones, and tails that float64 cannot hold as 1 - cdf
CASES = [
    (20.0, 14.0, 4.0),
    (1.0, 9.0, 1.3),
    (3.0, 3.0, 60.0),
    (400.0, 12.0, 6.0),
    (9000.0, 8.0, 2.0),
    (0.5, 40.0, 300.0),
]


def survival(family: int, t: float, m: float, k: float) -> tuple[mp.mpf, mp.mpf]:
    """P(T <= t) and P(T > t), from the textbook definitions."""
    if family == families.GAMMA:
        x = t * k / m
        return mp.gammainc(k, 0, x, regularized=True), mp.gammainc(k, x, mp.inf, regularized=True)
    if family == families.LOGNORMAL:
        variance = mp.log(1 + 1 / k)
        z = (mp.log(t) - mp.log(m) + variance / 2) / mp.sqrt(variance)
        return mp.erfc(-z / mp.sqrt(2)) / 2, mp.erfc(z / mp.sqrt(2)) / 2
    exponent = k ** mp.mpf("0.543")
    hazard = (t * mp.gamma(1 + 1 / exponent) / m) ** exponent
    return -mp.expm1(-hazard), mp.exp(-hazard)


BOUNDS = [(19.0, 20.0), (0.0, 1.0), (0.0, np.inf), (30.0, np.inf), (399.0, 400.0), (1.0, 2.0)]


@pytest.mark.parametrize("family", range(3), ids=families.NAMES)
def test_log_probabilities_and_their_gradients_keep_their_digits(family):
    with jax.enable_x64(True), mp.workdps(30):
        law = families.FAMILIES[family]
        t, m, k = (jnp.asarray(x, jnp.float64) for x in zip(*CASES, strict=True))
        both = jax.jit(lambda m, k: jnp.stack(law(t, m, k)))
        value, pull = jax.vjp(both, m, k)
        slopes = [pull(jnp.asarray(side)[:, None] * jnp.ones((2, len(t)))) for side in ([1.0, 0.0], [0.0, 1.0])]
        for side, case in np.ndindex(*value.shape):
            ti, mi, ki = map(mp.mpf, CASES[case])
            h = mp.mpf("1e-8")  # central differences at 30 digits: an error of 1e-14

            def exact(m, k, ti=ti, side=side):
                return mp.log(survival(family, ti, m, k)[side])

            assert float(value[side, case]) == pytest.approx(float(exact(mi, ki)), rel=1e-9, abs=1e-13)
            by_mean = (exact(mi + h, ki) - exact(mi - h, ki)) / (2 * h)
            by_shape = (exact(mi, ki + h) - exact(mi, ki - h)) / (2 * h)
            for found, expected in zip(slopes[side], (by_mean, by_shape), strict=True):
                assert float(found[case]) == pytest.approx(float(expected), rel=1e-8, abs=1e-12), (side, CASES[case])


@pytest.mark.parametrize("family", range(3), ids=families.NAMES)
def test_an_interval_is_the_difference_of_two_distribution_functions(family):
    with jax.enable_x64(True), mp.workdps(30):
        lower, upper = (jnp.asarray(x, jnp.float64) for x in zip(*BOUNDS, strict=True))

        @jax.jit
        def between(m, k):
            return families.log_between(families.FAMILIES[family], lower, upper, m, k)

        found, pull = jax.vjp(between, jnp.float64(12.0), jnp.float64(6.0))
        for (a, b), value in zip(BOUNDS, found, strict=True):
            below = survival(family, mp.mpf(a), mp.mpf(12), mp.mpf(6))[1] if a else mp.mpf(1)
            above = survival(family, mp.mpf(b), mp.mpf(12), mp.mpf(6))[1] if b < np.inf else mp.mpf(0)
            assert float(value) == pytest.approx(float(mp.log(below - above)), rel=1e-10, abs=1e-14)
        assert np.isfinite(pull(jnp.ones_like(found))).all()
