"""How much of an order comes: nothing, all of it, or a part, by supplier.

Zero-one inflated beta-binomial (Ospina and Ferrari, Stat. Papers 51 (2010), 111-126, for counts). Only closed lines are
taken: what an open line has delivered is not yet its yield.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from jax import Array
from numpyro.distributions import constraints


class Deliveries(NamedTuple):
    """Closed order lines; axis (line,)."""

    ordered: np.ndarray  # units
    came: np.ndarray  # units, at most what was ordered
    supplier: np.ndarray  # int32 index


def deliveries(lines: pd.DataFrame, as_of: pd.Timestamp) -> tuple[Deliveries, tuple[str, ...], int]:
    """(closed lines, suppliers, lines that brought more than was ordered, which count as whole).

    lines: one row a delivery, as `lead_times.orders.order_book` takes them; cancelled lines are not yields.
    """
    lines = lines[lines["ordered"] <= as_of]
    known = lines["received"].notna() & (lines["received"] <= as_of)
    line = lines.assign(open=~known, units=lines["received_units"].where(known, 0.0)).groupby(
        ["order_id", "product"], sort=False
    )
    whole = line.agg(source=("source", "first"), ordered=("ordered_units", "first"), units=("units", "sum"),
                     open=("open", "any"))  # fmt: skip
    whole = whole[~whole["open"] & (whole["ordered"] > 0)]
    names, supplier = np.unique(whole["source"].to_numpy(str), return_inverse=True)
    ordered, came = whole["ordered"].to_numpy(float), whole["units"].to_numpy(float)
    return (
        Deliveries(ordered, np.minimum(came, ordered), supplier.astype(np.int32)),
        tuple(names.tolist()),
        int((came > ordered).sum()),
    )


class InflatedBetaBinomial(dist.Distribution):
    """P(y) = none [y = 0] + whole [y = n] + (1 - none - whole) BetaBinomial(y; n, fill c, (1 - fill) c)."""

    arg_constraints: dict[str, Any] = {}
    support = constraints.nonnegative_integer

    def __init__(self, none: Array, whole: Array, fill: Array, concentration: Array, total: np.ndarray) -> None:
        self.none, self.whole, self.total = none, whole, jnp.asarray(total)
        self.part = dist.BetaBinomial(fill * concentration, (1.0 - fill) * concentration, total)
        super().__init__(batch_shape=jnp.shape(self.part.mean), validate_args=False)

    def log_prob(self, value: Array) -> Array:
        partly = jnp.log1p(-self.none - self.whole) + self.part.log_prob(value)
        with_none = jnp.where(value == 0, jnp.logaddexp(partly, jnp.log(self.none)), partly)
        return jnp.where(value == self.total, jnp.logaddexp(with_none, jnp.log(self.whole)), with_none)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        which, rate, part = jax.random.split(key, 3)
        shape = sample_shape + self.batch_shape
        u = jax.random.uniform(which, shape)
        share = jax.random.beta(rate, self.part.concentration1, self.part.concentration0, shape)
        partly = jax.random.binomial(part, self.total, share, shape)
        return jnp.where(u < self.none, 0.0, jnp.where(u < self.none + self.whole, self.total, partly))


def yield_model(lines: Deliveries, suppliers: int) -> None:
    """Closed lines as observations; sites `kinds` (supplier, 3: none, whole, part), `fill` (supplier,), `share`.

    share: (supplier,) expected share of an order that comes.
    """
    level = numpyro.sample("level", dist.Normal(jnp.array([-4.0, 2.0]), 1.5).to_event(1))
    spread = numpyro.sample("spread", dist.HalfNormal(1.0).expand([2]).to_event(1))
    fill_level = numpyro.sample("fill_level", dist.Normal(1.0, 1.0))
    fill_spread = numpyro.sample("fill_spread", dist.HalfNormal(1.0))
    concentration = numpyro.sample("concentration", dist.LogNormal(2.0, 1.0))
    with numpyro.plate("supplier", suppliers):
        effect = numpyro.sample("effect", dist.Normal().expand([2]).to_event(1))
        fill_effect = numpyro.sample("fill_effect", dist.Normal())
    # log odds of none and of whole against a part
    logits = jnp.concatenate([level + spread * effect, jnp.zeros((suppliers, 1))], axis=1)
    kinds = numpyro.deterministic("kinds", jax.nn.softmax(logits, axis=1))
    fill = numpyro.deterministic("fill", jax.nn.sigmoid(fill_level + fill_spread * fill_effect))
    numpyro.deterministic("share", kinds[:, 1] + kinds[:, 2] * fill)
    at = lines.supplier
    law = InflatedBetaBinomial(kinds[at, 0], kinds[at, 1], fill[at], concentration, lines.ordered)
    with numpyro.plate("line", len(lines.ordered)):
        numpyro.sample("came", law, obs=jnp.asarray(lines.came))
