"""The standard normal quantile, and what follows from it in one line.

Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988) 477-484,
routine PPND16: one rational function for the middle 85 %, two of sqrt(-log(tail)) for the tails. The tail 1 - u is
exact for every midpoint of 52 bits, so both tails are equally good.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from kernels import elementary

_MIDDLE = 0.425
_MIDDLE_SQUARED = 0.180625
_TAIL_SPLIT = 5.0
_TAIL_ORIGIN = 1.6
# Table of coefficients of PPND16: numerator and denominator of each region.
_A = (
    3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
)  # fmt: skip
_B = (
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
)  # fmt: skip
_C = (
    1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
)  # fmt: skip
_D = (
    1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
)  # fmt: skip
_E = (
    6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
)  # fmt: skip
_F = (
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
)  # fmt: skip


@jax.custom_jvp
def normal(u: Array) -> Array:
    """Standard normal quantile; float64 to about 1e-15, float32 to about 5e-7, both relative."""
    q = u - 0.5
    r = jnp.sqrt(-elementary.log(jnp.minimum(u, 1.0 - u)))
    middle, far = jnp.abs(q) <= _MIDDLE, r > _TAIL_SPLIT
    v = _MIDDLE_SQUARED - q * q
    near, deep = r - _TAIL_ORIGIN, r - _TAIL_SPLIT
    poly = elementary.polynomial
    tail = jnp.where(far, poly(_E, deep), poly(_C, near))
    numerator = jnp.where(middle, q * poly(_A, v), jnp.where(q < 0, -tail, tail))
    denominator = jnp.where(middle, poly(_B, v), jnp.where(far, poly(_F, deep), poly(_D, near)))
    return numerator * (1.0 / denominator)


@normal.defjvp
def _normal_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """dz/du = 1 / density(z)."""
    z = normal(primals[0])
    return z, tangents[0] * (math.sqrt(2.0 * math.pi) * jnp.exp(0.5 * z * z))
