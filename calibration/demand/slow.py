"""Slow movers: whether anything is wanted today, and how much beyond the first unit (CALIBRATION.md 3.2, D2).

P(D > 0) = 1 - exp(-e^(log mean)), so that price, promotion and calendar act on the number of asking customers as they
do in the default model; D - 1 is negative binomial where there is any. Stock-outs censor both parts alike.
"""

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array, random
from numpyro.distributions import constraints
from numpyro.distributions.util import promote_shapes

from calibration.demand.data import Data
from calibration.demand.distributions import Observed, ZeroInflatedNegativeBinomial
from calibration.demand.fused import LogMean
from calibration.demand.model import ITEM_EFFECTS, ItemEffects, parameters
from calibration.panel import Panel

# As in the default model, but that units beyond the first have a mean of their own.
EFFECTS = {name: ITEM_EFFECTS[name] for name in ("elasticity", "lift", "log_size")} | {"log_beyond": (-1.0, 1.0, 1.0)}
_NEVER = -50.0  # logit of the zero share of a law without inflation


class Hurdle(dist.Distribution):
    """0 with probability exp(-rate), else 1 + negative binomial of mean `beyond` and size `size`."""

    arg_constraints = {"rate": constraints.positive, "beyond": constraints.positive, "size": constraints.positive}
    support = constraints.nonnegative_integer
    pytree_data_fields = ("rate", "beyond", "size")

    def __init__(self, rate: Array, beyond: Array, size: Array, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(rate), jnp.shape(beyond), jnp.shape(size))
        self.rate, self.beyond, self.size = promote_shapes(rate, beyond, size, shape=shape)
        super().__init__(batch_shape=shape, validate_args=validate_args)

    @property
    def _more(self) -> ZeroInflatedNegativeBinomial:
        return ZeroInflatedNegativeBinomial(self.beyond, self.size, jnp.full_like(self.beyond, _NEVER))

    @property
    def _log_any(self) -> Array:
        return jnp.log(-jnp.expm1(-self.rate))

    @property
    def mean(self) -> Array:
        return -jnp.expm1(-self.rate) * (1.0 + self.beyond)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        any_, more = random.split(key)
        shape = sample_shape + self.batch_shape
        some = random.bernoulli(any_, -jnp.expm1(-self.rate), shape)
        return jnp.where(some, 1 + self._more.expand(self.batch_shape).sample(more, sample_shape), 0)

    def log_prob(self, value: Array) -> Array:
        counted = self._log_any + self._more.log_prob(jnp.maximum(value - 1, 0))
        return jnp.where(value == 0, -self.rate, counted)

    def log_survival(self, k: Array) -> Array:
        """log P(D >= k)."""
        return jnp.where(k <= 0, 0.0, self._log_any + self._more.log_survival(k - 1))

    def log_between(self, low: Array, high: Array) -> Array:
        """log P(low <= D <= high)."""
        counted = self._log_any + self._more.log_between(jnp.maximum(low - 1, 0), jnp.maximum(high - 1, 0))
        with_none = jnp.logaddexp(-self.rate, counted)
        return jnp.where(high <= 0, -self.rate, jnp.where(low <= 0, with_none, counted))


def law(log_mean: LogMean, of_item: ItemEffects) -> Hurdle:
    """Demand of every cell."""
    beyond, size = (jnp.exp(of_item[name])[:, None] for name in ("log_beyond", "log_size"))
    return Hurdle(jnp.exp(log_mean.cells()), beyond, size)


def slow_movers(given: tuple[Data, Array, Array, Array]) -> None:
    """The model; given: data, then value, kind and bound of the panel's cells."""
    data, value, kind, bound = given
    log_mean, of_item = parameters(data, EFFECTS)
    weight = jnp.where(kind == 0, data.weight, 1.0)
    cells = weight * Observed(law(log_mean, of_item), kind, bound).log_prob(value)
    with numpyro.plate("item", len(data.category), dim=-1):
        numpyro.factor("likelihood", cells.sum(axis=(0, 2)))


def cells(panel: Panel, data: Data) -> tuple[Data, Array, Array, Array]:
    """What the model takes."""
    return data, *(jax.tree.map(jnp.asarray, (panel.value, panel.kind, panel.bound)))
