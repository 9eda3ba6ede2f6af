"""Hierarchical lead times: lanes pooled in suppliers, suppliers in the company, and a mean that drifts by the month.

log mean = company + supplier + lane + month, log shape = company + supplier (CALIBRATION.md 3.2, L1).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array
from numpyro.distributions import constraints

from calibration.lead_times import families
from calibration.lead_times.orders import Orders

MONTH = 30  # days
DRIFT = 0.03  # scale of a month's change of log means: a tenth in a year
USUAL = 0.3  # spread of lanes of a supplier, for the unit they are measured in


class Sizes(NamedTuple):
    """How many of each; supplier_of: (lane,) the supplier of each lane.

    orders, middle: (lane,) how many each has and about where its log mean lies, in days: for centred effects.
    """

    suppliers: int
    lanes: int
    months: int
    supplier_of: tuple[int, ...]
    orders: tuple[float, ...] = ()
    middle: tuple[float, ...] = ()


class LeadTime(dist.Distribution):
    """What a record says of a lead time T: the event (lower, upper) is lower < T <= upper, in days.

    family: (lane or order) index into families.FAMILIES, or one for all. late: None, or (share, factor): the mixture of
    on-time and late orders, the latter with `factor` times the mean. log_prob is one figure per order.
    """

    arg_constraints: dict[str, Any] = {}
    support = constraints.independent(constraints.nonnegative, 1)

    def __init__(
        self,
        mean: Array | np.ndarray,
        shape: Array | np.ndarray,
        family: np.ndarray | int = families.LOGNORMAL,
        late: tuple[Array, Array] | None = None,
    ) -> None:
        self.mean_days, self.regularity = jnp.broadcast_arrays(jnp.asarray(mean), jnp.asarray(shape))
        self.family, self.late = np.broadcast_to(np.asarray(family), jnp.shape(self.mean_days)), late
        super().__init__(batch_shape=jnp.shape(self.mean_days), event_shape=(2,), validate_args=False)

    def log_prob(self, value: Array) -> Array:
        """(order,) log P(lower < T <= upper)."""
        lower, upper = value[..., 0], value[..., 1]
        on_time = self._between(lower, upper, self.mean_days)
        if self.late is None:
            return on_time
        share, factor = self.late
        late = self._between(lower, upper, self.mean_days * factor)
        return jnp.logaddexp(jnp.log1p(-share) + on_time, jnp.log(share) + late)

    def _between(self, lower: Array, upper: Array, mean: Array) -> Array:
        used = np.unique(self.family)
        found = [
            families.log_between(families.FAMILIES[family], lower, upper, mean, self.regularity) for family in used
        ]
        return found[0] if len(used) == 1 else jnp.select([self.family == family for family in used], found)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """The interval of a record that rounds up: (L - 1, L]."""
        days = jnp.ceil(self.days(key, sample_shape))
        return jnp.stack([days - 1.0, days], axis=-1)

    def days(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Lead times in days, unrounded."""
        law, which = jax.random.split(key)
        shape = sample_shape + self.batch_shape
        mean = jnp.broadcast_to(self.mean_days, shape)
        if self.late is not None:
            share, factor = self.late
            mean = mean * jnp.where(jax.random.uniform(which, shape) < share, factor, 1.0)
        draws = (self._gamma, self._lognormal, self._weibull)
        used = np.unique(self.family)
        drawn = [draws[family](law, mean) for family in used]
        return drawn[0] if len(used) == 1 else jnp.select([self.family == family for family in used], drawn)

    def _gamma(self, key: Array, mean: Array) -> Array:
        return jax.random.gamma(key, self.regularity, mean.shape) * mean / self.regularity

    def _lognormal(self, key: Array, mean: Array) -> Array:
        location, sigma = families.lognormal_parameters(mean, self.regularity)
        return jnp.exp(location + sigma * jax.random.normal(key, mean.shape))

    def _weibull(self, key: Array, mean: Array) -> Array:
        scale, exponent = families.weibull_parameters(mean, self.regularity)
        return scale * jax.random.exponential(key, mean.shape) ** (1.0 / exponent)


class Laws(NamedTuple):
    """Of every lane, with the leading axes of the sites they were made from: (lane,), (lane,), (month,)."""

    log_mean: Array  # of the last month, days
    log_shape: Array
    month: Array  # log level against the last month's


def laws(sites: Mapping[str, Any], sizes: Sizes) -> Laws:
    """Laws of the lanes from values of the sites; leading axes (draws) are kept. NumPy in, NumPy-like out."""
    of = np.asarray(sizes.supplier_of)
    if "lane_step" in sites:
        log_shape = sites["shape_level"]
        log_mean = np.asarray(sizes.middle) + _lane_unit(log_shape[..., of], sizes) * sites["lane_step"]
    else:
        supplier = sites["supplier_sd"][..., None] * sites["supplier_effect"]
        log_mean = sites["log_mean"][..., None] + supplier[..., of] + sites["lane_sd"][..., None] * sites["lane_effect"]
        log_shape = sites["log_shape"][..., None] + sites["shape_sd"][..., None] * sites["shape_effect"]
    now = jnp.zeros_like(log_mean[..., :1])
    if "walk_sd" not in sites:
        return Laws(log_mean, log_shape[..., of], now)
    # the walk starts from the last month: a lane's own level is then today's, and not that of the first order
    steps = sites["month_change"] if "month_change" in sites else sites["walk_sd"][..., None] * sites["month_step"]
    back = jnp.cumsum(steps[..., ::-1], axis=-1)[..., ::-1]
    return Laws(log_mean, log_shape[..., of], jnp.concatenate([-back, now], axis=-1))


def _lane_unit(log_shape: Array, sizes: Sizes) -> Array:
    """(.., lane) about what a lane's orders leave open of its log mean; n orders of shape k tell it with precision nk.

    In this unit, from about where it lies, the curvature of a lane's level does not depend on the shape. Else a joint
    mode takes the shape too regular, by a share of 1 / n: many means to one shape (Neyman & Scott, Econometrica 16
    (1948), 1).
    """
    return (USUAL**-2 + jnp.asarray(sizes.orders) * jnp.exp(log_shape)) ** -0.5


def sampled_laws(sizes: Sizes, walk: bool = True, centred: bool = False) -> Laws:
    """Priors of CALIBRATION.md 3.2, L1.

    Effects are non-centred for a sampler, for most lanes have few orders. Variational fits want them centred: else they
    take the company's spread for known (0.95 +- 0.01 out of six suppliers, where it is 1.0 +- 0.3). Centred, no
    likelihood depends on a spread, which makes the marginal law of spreads cheap (`calibration.inference.variances`);
    lanes are measured in units of what is not known of them (`_lane_unit`).
    """
    spread: dict[str, Any] = {"infer": {"variance": True}}
    of = np.asarray(sizes.supplier_of)
    sites = {
        "log_mean": numpyro.sample("log_mean", dist.Normal(3.0, 1.0)),
        "log_shape": numpyro.sample("log_shape", dist.Normal(1.6, 0.7)),
        "supplier_sd": numpyro.sample("supplier_sd", dist.HalfNormal(1.0), **spread),
        "lane_sd": numpyro.sample("lane_sd", dist.HalfNormal(0.5), **spread),
        "shape_sd": numpyro.sample("shape_sd", dist.HalfNormal(0.5), **spread),
    }
    if centred:
        level = dist.Normal(sites["log_mean"], sites["supplier_sd"])
        with numpyro.plate("supplier", sizes.suppliers):
            sites["supplier_level"] = numpyro.sample("supplier_level", level)
            shape = dist.Normal(sites["log_shape"], sites["shape_sd"])
            sites["shape_level"] = numpyro.sample("shape_level", shape)
        unit = _lane_unit(sites["shape_level"][of], sizes)
        step = dist.Normal((sites["supplier_level"][of] - np.asarray(sizes.middle)) / unit, sites["lane_sd"] / unit)
        with numpyro.plate("lane", sizes.lanes):
            sites["lane_step"] = numpyro.sample("lane_step", step)
    else:
        with numpyro.plate("supplier", sizes.suppliers):
            sites["supplier_effect"] = numpyro.sample("supplier_effect", dist.Normal())
            sites["shape_effect"] = numpyro.sample("shape_effect", dist.Normal())
        with numpyro.plate("lane", sizes.lanes):
            sites["lane_effect"] = numpyro.sample("lane_effect", dist.Normal())
    if walk and sizes.months > 1:
        sites["walk_sd"] = numpyro.sample("walk_sd", dist.HalfNormal(DRIFT), **spread)
        with numpyro.plate("step", sizes.months - 1):
            if centred:
                sites["month_change"] = numpyro.sample("month_change", dist.Normal(0.0, sites["walk_sd"]))
            else:
                sites["month_step"] = numpyro.sample("month_step", dist.Normal())
    return laws(sites, sizes)


def of_orders(law: Laws, orders: Orders) -> tuple[Array, Array]:
    """(.., order) mean in days and shape; months after the last one known have its level."""
    month = jnp.minimum(orders.day // MONTH, law.month.shape[-1] - 1)
    return jnp.exp(law.log_mean[..., orders.lane] + law.month[..., month]), jnp.exp(law.log_shape[..., orders.lane])


def lead_time_model(
    orders: Orders,
    sizes: Sizes,
    family: int | np.ndarray = families.LOGNORMAL,
    walk: bool = True,
    late: bool = False,
    centred: bool = False,
) -> None:
    """The orders as observations, site `orders` with one log_prob per order.

    family: one for all, or (order,); late: suppliers send a share of their orders late, by a common factor.
    centred: of `sampled_laws`.
    """
    mean, shape = of_orders(sampled_laws(sizes, walk, centred), orders)
    mixture = None
    if late:
        delay = numpyro.sample("late_delay", dist.LogNormal(0.0, 0.5))
        centre = numpyro.sample("late_logit", dist.Normal(-2.5, 1.0))
        spread = numpyro.sample("late_sd", dist.HalfNormal(1.0), infer={"variance": True})
        with numpyro.plate("supplier", sizes.suppliers):
            effect = numpyro.sample("late_effect", dist.Normal())
        mixture = jax.nn.sigmoid(centre + spread * effect)[orders.supplier], 1.0 + delay
    with numpyro.plate("order", orders.lower.shape[0]), numpyro.handlers.scale(scale=orders.weight):
        numpyro.sample(
            "orders", LeadTime(mean, shape, family, mixture), obs=jnp.stack([orders.lower, orders.upper], axis=-1)
        )
