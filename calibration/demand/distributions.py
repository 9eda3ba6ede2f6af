"""NumPyro distributions of demand: zero-inflated negative binomial, and the same seen through an empty shelf."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, random
from jax.scipy.special import gammaln
from numpyro.distributions import constraints
from numpyro.distributions.util import promote_shapes, validate_sample

from calibration.demand.survival import log_between, log_survival
from calibration.panel import EXACT, INTERVAL, MASKED, RIGHT_CENSORED


class ZeroInflatedNegativeBinomial(dist.Distribution):
    """0 with probability sigmoid(zero_logit), else negative binomial with variance mean + mean^2 / size.

    The law's own mean is (1 - sigmoid(zero_logit)) mean. terms: of the continued fraction of the survival function.
    """

    arg_constraints = {
        "mean": constraints.positive,
        "size": constraints.positive,
        "zero_logit": constraints.real,
    }
    support = constraints.nonnegative_integer
    pytree_data_fields = ("mean_parameter", "size", "zero_logit")
    pytree_aux_fields = ("terms",)

    def __init__(
        self, mean: Array, size: Array, zero_logit: Array, *, terms: int = 96, validate_args: bool | None = None
    ) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(mean), jnp.shape(size), jnp.shape(zero_logit))
        self.mean_parameter, self.size, self.zero_logit = promote_shapes(mean, size, zero_logit, shape=shape)
        self.terms = terms
        super().__init__(batch_shape=shape, validate_args=validate_args)

    @property
    def mean(self) -> Array:
        return self.mean_parameter * jax.nn.sigmoid(-self.zero_logit)

    @property
    def variance(self) -> Array:
        stays = jax.nn.sigmoid(-self.zero_logit)
        second = self.mean_parameter + self.mean_parameter**2 * (1.0 + 1.0 / self.size)
        return stays * second - self.mean**2

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        rate, count, zero = random.split(key, 3)
        shape = sample_shape + self.batch_shape
        gamma = random.gamma(rate, jnp.broadcast_to(self.size, shape)) * self.mean_parameter / self.size
        counts = random.poisson(count, gamma, shape)
        return jnp.where(random.bernoulli(zero, jax.nn.sigmoid(self.zero_logit), shape), 0, counts)

    @validate_sample  # type: ignore[untyped-decorator]
    def log_prob(self, value: Array) -> Array:
        y = jnp.asarray(value, jnp.result_type(self.mean_parameter))
        log_below = jnp.log1p(self.mean_parameter / self.size)
        counts = gammaln(y + self.size) - gammaln(self.size) - gammaln(y + 1.0)
        counts += y * (jnp.log(self.mean_parameter) - jnp.log(self.size)) - (y + self.size) * log_below
        counted = counts - jax.nn.softplus(self.zero_logit)
        inflated = jnp.where(y == 0, jax.nn.softplus(self.zero_logit + self.size * log_below), 0.0)
        return counted + inflated

    def log_survival(self, k: Array) -> Array:
        """log P(D >= k), the day's own at k: what a shelf that ran empty at k units says."""
        k = jnp.asarray(k, jnp.result_type(self.mean_parameter))
        beyond = log_survival(k, self.mean_parameter, self.size, self.terms) - jax.nn.softplus(self.zero_logit)
        return jnp.where(k <= 0, 0.0, beyond)

    def log_between(self, low: Array, high: Array) -> Array:
        """log P(low <= D <= high)."""
        low, high = (jnp.asarray(x, jnp.result_type(self.mean_parameter)) for x in (low, high))
        counts = log_between(low, high, self.mean_parameter, self.size, self.terms)
        counted = counts - jax.nn.softplus(self.zero_logit)
        return jnp.where(low <= 0, jnp.logaddexp(counted, jax.nn.log_sigmoid(self.zero_logit)), counted)


class Observed(dist.Distribution):
    """Demand as its record shows it: exact, at least `bound`, between value and `bound`, or not at all (log_prob 0).

    A draw is demand itself, not what would have been recorded. intervals: whether there are any; without them a cell
    costs a third.
    """

    support = constraints.nonnegative_integer
    pytree_data_fields = ("demand", "kind", "bound")
    pytree_aux_fields = ("intervals",)

    def __init__(
        self, demand: ZeroInflatedNegativeBinomial, kind: Array, bound: Array, *, intervals: bool = True,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self.demand, self.kind, self.bound, self.intervals = demand, kind, bound, intervals
        super().__init__(batch_shape=demand.batch_shape, validate_args=validate_args)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        return self.demand.sample(key, sample_shape)

    def log_prob(self, value: Array) -> Array:
        exact = self.demand.log_prob(jnp.where(self.kind == EXACT, value, 0))
        censored = self.demand.log_survival(jnp.where(self.kind == RIGHT_CENSORED, self.bound, 1))
        found = jnp.where(self.kind == EXACT, exact, censored)
        if self.intervals:
            within = self.kind == INTERVAL
            between = self.demand.log_between(jnp.where(within, value, 0), jnp.where(within, self.bound, 1))
            found = jnp.where(within, between, found)
        return jnp.where(self.kind == MASKED, 0.0, found)
