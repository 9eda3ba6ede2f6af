"""What the world does today: shocks of the scenario, and luck, replayed from history or drawn.

Every random quantity is a quantile function of one uniform number, and that number is a pure function of what it
stands for: key = T(T(seed, (stream, draw)), (day, event)), bits = T(T(key, h(a)), h(b)), T = Threefry-2x32 and h the
first 64 bits of SHA-256 of an id. Scenario, policy, batch and position never enter, so the same future meets the same
luck everywhere.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.scipy import special

from kernels import quantiles
from kernels.bits import Pair, hash_id, threefry2x32, uniform
from kernels.ratio import Arithmetic
from kernels.stages import stage
from twin.network import Days, Network
from twin.state import array, pytree

# Streams and events are part of every key: new ones are added at the end, never renumbered.
LUCK, SEVERITIES = 0, 1
DEMAND, LEAD_TIME, RETURNS, SHRINK, COMPANY_YEAR, COMPANY_WEEK, CATEGORY_WEEK, STORE_DAY, SEVERITY, GROUP = range(10)
RESIDUAL = 10  # the lead time of what left on a day before the start
COMPANY = hash_id("company")

# The axes of the places that a field of a shock can hit.
SHOCK_FIELDS = {
    "demand": ("node", "product"),
    "lead_time": ("lane", ""),
    "lane_capacity": ("capped_lane", ""),
    "dispatch_capacity": ("capped_source", ""),
    "price": ("product", ""),
    "cost": ("outside", "product"),
    "commitment": ("", ""),
    "supplier_limit": ("supplier", ""),
    "collections": ("channel", ""),
    "rate": ("facility", ""),
    "stock_loss": ("node", ""),
}
ADDING = ("rate", "stock_loss")


@pytree
class Luck:
    """One day of what nobody decides. In whole units and days."""

    demand: Array = array("node product", "unit", "demand")
    lead_time: Array = array("lane", "day", "lead time of what leaves on the lane today, before shocks")
    capped: Array = array("lane", "0/1", "the lead time was cut to the lane's maximum")
    return_w: Array = array("node product", "ppm", "floor(10^6 u), u the uniform number of the returns")
    shrink_w: Array = array("node product", "ppm", "floor(10^6 u), u the uniform number of the shrink")


@pytree
class Params:
    """Parameters of the laws; simulate adds a leading axis, the posterior draw."""

    demand_mean: Array = array("node product", "unit", "mean demand a day, before calendar, shocks and factors")
    demand_size: Array = array("node product", "", "negative binomial size: variance = mean + mean^2 / size")
    zero_share: Array = array("node product", "", "share of days without any demand, beyond the count law's own")
    company_year: Array = array("", "", "standard deviation of the log of the factor of company and year")
    company_week: Array = array("", "", "the same, company and week")
    category_week: Array = array("", "", "the same, category and week")
    store_day: Array = array("", "", "the same, node and day")
    lead_cdf: Array = array("lane lead_day", "", "P(lead time <= 1, 2, ..); the last entry is 1")
    lead_capped: Array = array("lane", "", "P(the law's own lead time <= the lane's maximum)")


@pytree
class Shock:
    """The shocks of one scenario on one field, sorted by id."""

    change: Array = array("shock", "ppm", "change at full severity today (in Inputs with a leading day axis)")
    severity: Array = array("shock", "index", "place among the scenario's severities", "int32")
    rows: Array = array("shock row", "0/1", "places hit, first axis of the field")
    columns: Array = array("shock column", "0/1", "places hit, second axis; one column where there is none")


@pytree
class Severities:
    """How severe each shock of a scenario is in a future: 0 where it does not happen."""

    hash: Array = array("word severity", "", "64-bit hash of each shock's id", "uint32")
    group: Array = array("word severity", "", "64-bit hash of the common cause of each shock", "uint32")
    correlation: Array = array("severity", "", "with the common cause; 0 for a shock that has none")
    probability: Array = array("severity", "", "probability that the shock happens")
    quantile: Array = array("severity point", "ppm", "severities at equally spaced probabilities from 0 to 1")


class Effective(NamedTuple):
    """Today's numbers after shocks, re-rounded to whole quanta. Axes and units as in Network and Days."""

    demand: Array  # ppm, (node, product) or (1, 1)
    lead_time: Array  # ppm, (lane,) or (1,)
    lane_capacity: Array
    source_capacity: Array
    price: Array
    cost: Array
    commitment: Array
    supplier_limit: Array
    collections: Array  # ppm, (channel,) or (1,)
    rate: Array  # ppm, (facility,) or (1,)
    stock_loss: Array  # ppm, (node,) or (1,)


class Today(NamedTuple):
    """What a source may see of today: the calendar, today's numbers, and the day to replay, if there is one."""

    days: Days
    effective: Effective
    replay: Luck | None
    arithmetic: Arithmetic


Source = Callable[[Network, Params, Today, Pair], Luck]


def _signed_share(amount: Array, ppm: Array, arithmetic: Arithmetic) -> Array:
    """he(amount x ppm / 10^6) for amounts of either sign."""
    return jnp.sign(amount) * arithmetic.scale_even(jnp.abs(amount), ppm, 1e6)


def _changes(shock: Shock, severities: Array, arithmetic: Arithmetic) -> Array:
    """(shock, row, column): today's change in ppm where the shock hits, else 0."""
    change = _signed_share(shock.change, severities[shock.severity], arithmetic)
    return change[:, None, None] * shock.rows[:, :, None] * shock.columns[:, None, :]


def _factor(shock: Shock | None, severities: Array, arithmetic: Arithmetic) -> Array:
    """Factor in ppm, (row, column): the shocks multiply in id order and are rounded after each."""
    if shock is None:
        return jnp.full((1, 1), 1e6, jnp.float64)
    changes = _changes(shock, severities, arithmetic)
    factor = jnp.maximum(1e6 + changes[0], 0.0)
    for k in range(1, changes.shape[0]):
        factor = arithmetic.scale_even(factor, jnp.maximum(1e6 + changes[k], 0.0), 1e6)
    return factor


def effective(
    network: Network, days: Days, shocks: dict[str, Shock], severities: Array, arithmetic: Arithmetic
) -> Effective:
    """Today's numbers. shocks: by field, those without any left out; severities: (severity,) ppm of this future."""

    def factor(field: str) -> Array:
        return _factor(shocks.get(field), severities, arithmetic)

    def added(field: str) -> Array:
        if field not in shocks:
            return jnp.zeros(1, jnp.float64)
        return jnp.sum(_changes(shocks[field], severities, arithmetic), axis=0)[:, 0]

    def scaled(base: Array, field: str) -> Array:
        if field not in shocks:
            return base
        return arithmetic.scale_even(jnp.where(jnp.isinf(base), 0.0, base), factor(field)[:, 0], 1e6)

    def capacity(base: Array, field: str) -> Array:
        # what is unlimited stays so under any factor but 0, which is an outage
        limited = scaled(base, field)
        return jnp.where(jnp.isinf(base) & (factor(field)[:, 0] > 0), base, limited)

    limit = scaled(network.credit_limit, "supplier_limit")

    cost = network.cost
    if "cost" in shocks:
        cost = arithmetic.scale_even(cost, factor("cost"), 1e6)
    return Effective(
        demand=factor("demand"),
        lead_time=factor("lead_time")[:, 0],
        lane_capacity=capacity(network.lane_capacity, "lane_capacity"),
        source_capacity=capacity(network.source_capacity, "dispatch_capacity"),
        price=scaled(days.price, "price"),
        cost=cost,
        commitment=scaled(network.commitment[None], "commitment")[0],
        supplier_limit=jnp.where(jnp.isinf(network.credit_limit), network.credit_limit, limit),
        collections=jnp.minimum(factor("collections")[:, 0], 1e6),
        rate=added("rate"),
        stock_loss=added("stock_loss"),
    )


def dependent(u: Array, correlation: Array) -> Array:
    """(severity,) uniform numbers with a Gaussian one-factor copula (Li, J. Fixed Income 9 (2000), 43-54).

    u: (2, severity), each shock's own number and that of its common cause; Phi(r z_cause + sqrt(1 - r^2) z_own), so
    that two shocks of a cause correlate by r_1 r_2. r = 0 keeps the shock's own number, r = 1 the cause's, bit for bit.
    """
    own, cause = quantiles.normal(u)
    mixed = special.ndtr(correlation * cause + jnp.sqrt(1.0 - correlation * correlation) * own)
    inside = jnp.clip(mixed, 2.0**-53, 1.0 - 2.0**-53)
    return jnp.where(correlation == 0, u[0], jnp.where(correlation == 1, u[1], inside))


def draw_severities(severities: Severities, seed: Pair, draw: Array, arithmetic: Arithmetic) -> Array:
    """(severity,) ppm: one uniform number per shock decides whether it happens and, if so, how severe it is."""
    key = threefry2x32(seed, (jnp.uint32(SEVERITIES), draw))
    events = jnp.asarray((SEVERITY, GROUP), jnp.uint32)
    first, second = threefry2x32(key, (jnp.zeros_like(events), events))
    ids = jnp.stack([severities.hash, severities.group])
    both = uniform(threefry2x32((first[:, None], second[:, None]), (ids[:, 0], ids[:, 1])))
    u = dependent(both, severities.correlation)
    happens = u < severities.probability
    within = jnp.where(happens, u / jnp.where(severities.probability > 0, severities.probability, 1.0), 0.0)
    last = severities.quantile.shape[1] - 1
    place = within * last
    low = jnp.minimum(jnp.floor(place), last - 1.0)
    rows = jnp.arange(severities.quantile.shape[0], dtype=jnp.int32)
    at = low.astype(jnp.int32)
    below, above = severities.quantile[rows, at], severities.quantile[rows, at + 1]
    return jnp.where(happens, arithmetic.round_(below + (above - below) * (place - low)), 0.0)


def replay(network: Network, params: Params, today: Today, key: Pair) -> Luck:
    """The day as it was given; demand of a day in a shock is scaled and re-rounded."""
    assert today.replay is not None, "replay needs inputs.replay"
    luck = today.replay
    return Luck(
        demand=today.arithmetic.scale_even(luck.demand, today.effective.demand, 1e6),
        lead_time=luck.lead_time,
        capped=luck.capped,
        return_w=luck.return_w,
        shrink_w=luck.shrink_w,
    )


class Uniforms(NamedTuple):
    """Today's uniform numbers by what they stand for. places holds demand, then returns and shrink where they are."""

    company: Array  # (year and week,)
    category: Array
    store: Array  # (node,)
    lead_time: Array  # (lane,)
    places: Array  # (event, node, product)


def uniforms(network: Network, day: Array, key: Pair) -> Uniforms:
    """One Threefry for all events, one for all their first ids, one for all store-products.

    The key of each number is the one the module's first lines give; asking for many at once only saves programme.
    """
    sizes = network.sizes
    week, year = lax.div(day, jnp.int32(7)), lax.div(day, jnp.int32(365))
    by_place = [DEMAND] + [RETURNS] * (sizes.return_slots > 0) + [SHRINK] * sizes.shrink
    events = [COMPANY_YEAR, COMPANY_WEEK, CATEGORY_WEEK, STORE_DAY, LEAD_TIME, *by_place]
    periods = jnp.stack([year, week, week, *[day] * (len(events) - 3)]).astype(jnp.uint32)
    keys = threefry2x32(key, (periods, jnp.asarray(events, jnp.uint32)))
    company = jnp.asarray(COMPANY, jnp.uint32)[:, None]
    ids = [company, company, network.category_hash, network.node_hash, network.lane_hash]
    ids += [network.node_hash] * len(by_place)
    of_event = np.repeat(np.arange(len(events), dtype=np.int32), [x.shape[1] for x in ids])
    hashes = jnp.concatenate(ids, axis=1)
    inner = threefry2x32((keys[0][of_event], keys[1][of_event]), (hashes[0], hashes[1]))
    ends = np.cumsum([2, *[x.shape[1] for x in ids[2:5]]]).tolist()
    company, category, store, lead_time = jnp.split(uniform((inner[0][: ends[-1]], inner[1][: ends[-1]])), ends[:-1])
    of_node = tuple(x[ends[-1] :].reshape(len(by_place), -1, 1) for x in inner)
    of_product = tuple(x[None, None, :] for x in network.product_hash)

    places = stage(day >= 0, lambda node, product: uniform(threefry2x32(node, product)), of_node, of_product)
    return Uniforms(company, category, store, lead_time, places)


def shared_factors(network: Network, params: Params, u: Uniforms) -> tuple[Array, Array]:
    """Factors of demand that many store-products share: (node,) and (product,), each with mean 1."""
    categories = u.category.shape[0]
    sigma = jnp.concatenate([
        jnp.stack([params.company_year, params.company_week]),
        jnp.broadcast_to(params.category_week, u.category.shape),
        jnp.broadcast_to(params.store_day, u.store.shape),
    ])  # fmt: skip
    factors = quantiles.lognormal_factor(jnp.concatenate([u.company, u.category, u.store]), sigma)
    company, by_category, by_store = factors[:2], factors[2 : 2 + categories], factors[2 + categories :]
    return by_store * (company[0] * company[1]), by_category[network.category]


# Demand as a quantile function of (uniform numbers, mean, parameters); and where the uniform numbers come from.
Law = Callable[[Array, Array, Params], Array]
Numbers = Callable[[Network, Params, Array, Pair], Uniforms]


def _independent(network: Network, params: Params, day: Array, key: Pair) -> Uniforms:
    return uniforms(network, day, key)


def drawn(law: Law, numbers: Numbers = _independent) -> Source:
    """Luck drawn with demand of this law; numbers: `twin.designed` has others than independent ones."""

    def source(network: Network, params: Params, today: Today, key: Pair) -> Luck:
        u = numbers(network, params, today.days.day, key)
        by_node, by_product = shared_factors(network, params, u)
        mean = params.demand_mean * (today.days.demand_node * by_node)[:, None]
        mean = mean * (today.days.demand_product * by_product)[None, :] * (today.effective.demand / 1e6)
        none = jnp.zeros((1, 1), jnp.float64)
        parts = jnp.floor(1e6 * u.places[1:])
        return Luck(
            demand=law(u.places[0], mean, params),
            lead_time=quantiles.tabulated(u.lead_time, params.lead_cdf),
            capped=(u.lead_time > params.lead_capped).astype(jnp.float64),
            return_w=parts[0] if network.sizes.return_slots else none,
            shrink_w=parts[-1] if network.sizes.shrink else none,
        )

    return source


def poisson_law(u: Array, mean: Array, params: Params) -> Array:
    return quantiles.poisson(u, mean)


def negative_binomial_law(u: Array, mean: Array, params: Params) -> Array:
    return quantiles.negative_binomial(u, mean, params.demand_size)


def inflated(law: Law) -> Law:
    """Extra zeros, the mean kept: on the other days demand is larger by 1 / (1 - zero share)."""

    def with_zeros(u: Array, mean: Array, params: Params) -> Array:
        others = mean / (1.0 - params.zero_share)
        return quantiles.zero_inflated(u, params.zero_share, lambda rest: law(rest, others, params))

    return with_zeros


poisson_demand: Source = drawn(poisson_law)
negative_binomial_demand: Source = drawn(negative_binomial_law)
inflated_poisson_demand: Source = drawn(inflated(poisson_law))
inflated_negative_binomial_demand: Source = drawn(inflated(negative_binomial_law))
