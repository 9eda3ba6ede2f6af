"""What a random value costs and how true it is: `python -m bench.samplers`.

Cost: 256 futures of 260 values each in one compiled function, the futures a batch axis, sizes common to all futures,
means log-uniform between 0.05 and 300, sizes between 0.3 and 50. The contenders take turns; the shortest of their turns
counts. NumPy uses one core; XLA cuts into parallel tasks only what stands outside of conditionals, so that our samplers
mostly use one as well.
"""

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special, stats

from bench import accuracy
from kernels import bits, quantiles

FUTURES, VALUES = 256, 260
TURNS = 9
CHECKED = 1 << 15
IN_DIGITS = 100


class Cost(NamedTuple):
    """Nanoseconds of wall time per value."""

    name: str
    ns: float


class Truth(NamedTuple):
    """`error` is the largest of `checked` values: of a count, how far u lies from where the count would be right;
    of a number, its relative error. `wrong` is the share of counts with an error above 1e-13."""

    name: str
    domain: str
    against: str
    checked: int
    error: float
    wrong: float


def contenders() -> dict[str, Callable[[], Any]]:
    """Each name with a call that makes FUTURES x VALUES values and waits for them."""
    rng = np.random.default_rng(1)
    shape = FUTURES, VALUES
    u = rng.uniform(size=shape)
    mean = accuracy.between(rng, 0.05, 300.0, u.size).reshape(shape)
    size = accuracy.between(rng, 0.3, 50.0, VALUES)
    odds = size / (size + mean)
    sigma, one, share = np.full(VALUES, 0.3), np.ones(VALUES), np.full(VALUES, 0.2)
    observed = np.sort(rng.gamma(2.0, 5.0, 100))
    cdf = np.arange(1, 17) / 16.0
    counter = jnp.arange(u.size, dtype=jnp.uint32).reshape(shape)
    key = jax.random.key(0, impl="threefry2x32")

    def drawn(counter: jax.Array) -> jax.Array:
        return bits.uniform(bits.threefry2x32((np.uint32(1), np.uint32(2)), (counter, np.uint32(3))))

    def call(function: Callable[..., jax.Array], axes: tuple[int | None, ...], *arguments: Any) -> Callable[[], Any]:
        compiled, placed = jax.jit(jax.vmap(function, axes)), tuple(map(jnp.asarray, arguments))
        return lambda: compiled(*placed).block_until_ready()

    def inflated(u: jax.Array, mean: jax.Array, size: jax.Array, share: jax.Array) -> jax.Array:
        return q.zero_inflated(u, share, lambda rest: q.negative_binomial(rest, mean, size))

    q, single = quantiles, np.float32
    ours = {
        "uniforms: Threefry bits": call(drawn, (0,), counter),
        "poisson": call(q.poisson, (0, 0), u, mean),
        "poisson with its bits": call(lambda c, m: q.poisson(drawn(c), m), (0, 0), counter, mean),
        "negative_binomial": call(q.negative_binomial, (0, 0, None), u, mean, size),
        "negative_binomial with its bits": call(
            lambda c, m, s: q.negative_binomial(drawn(c), m, s), (0, 0, None), counter, mean, size
        ),
        "normal": call(q.normal, (0,), u),
        "lognormal": call(q.lognormal, (0, None, None), u, one, sigma),
        "lognormal_factor": call(q.lognormal_factor, (0, None), u, sigma),
        "weibull": call(q.weibull, (0, None, None), u, size, one),
        "gamma": call(q.gamma, (0, None, None), u, size, one),
        "bernoulli": call(q.bernoulli, (0, None), u, share),
        "empirical, 100 values": call(
            lambda u: q.empirical(u, jnp.broadcast_to(observed, (*u.shape, observed.size))), (0,), u
        ),
        "tabulated, 16 values": call(lambda u: q.tabulated(u, jnp.broadcast_to(cdf, (*u.shape, cdf.size))), (0,), u),
        "zero-inflated poisson": call(
            lambda u, m, p: q.zero_inflated(u, p, lambda rest: q.poisson(rest, m)), (0, 0, None), u, mean, share
        ),
        "zero-inflated negative_binomial": call(inflated, (0, 0, None, None), u, mean, size, share),
    }
    u32 = np.clip(u.astype(single), 2.0**-24, 1.0 - 2.0**-24)
    in_float32 = {
        "poisson, float32": call(q.poisson, (0, 0), u32, mean.astype(single)),
        "negative_binomial, float32": call(
            q.negative_binomial, (0, 0, None), u32, mean.astype(single), size.astype(single)
        ),
        "normal, float32": call(q.normal, (0,), u32),
        "gamma, float32": call(q.gamma, (0, None, None), u32, size.astype(single), one.astype(single)),
    }
    random_poisson = jax.jit(lambda key, mean: jax.random.poisson(key, mean, shape))
    peers = {
        "jax.scipy.special.ndtri": call(jax.scipy.special.ndtri, (0,), u),
        "jax.random.poisson": lambda: random_poisson(key, mean).block_until_ready(),
        "NumPy poisson": lambda: rng.poisson(mean),
        "NumPy negative_binomial": lambda: rng.negative_binomial(size, odds),
        "NumPy normal": lambda: rng.normal(size=shape),
        "NumPy gamma": lambda: rng.gamma(size, size=shape),
    }
    return ours | in_float32 | peers


def costs() -> list[Cost]:
    calls = contenders()
    best = dict.fromkeys(calls, float("inf"))
    for turn in range(TURNS + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            # the first turn compiles
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return [Cost(name, seconds / (FUTURES * VALUES) * 1e9) for name, seconds in best.items()]


def truths() -> list[Truth]:
    return [*_counts(), *_mixed(), *_numbers()]


def _counts() -> list[Truth]:
    rng, found = np.random.default_rng(2), []
    poisson, negative_binomial = jax.jit(quantiles.poisson), jax.jit(quantiles.negative_binomial)
    u = accuracy.uniforms(rng, CHECKED)

    def row(name: str, domain: str, against: str, miss: np.ndarray) -> None:
        found.append(Truth(name, domain, against, miss.size, float(miss.max()), float(np.mean(miss > 1e-13))))

    for low, high in ((1e-8, 0.05), (0.05, 300.0), (300.0, 1e4), (1e4, 1e7)):
        mean, domain = accuracy.between(rng, low, high, CHECKED), f"mean {low:g}-{high:g}"
        some = slice(IN_DIGITS) if high > 1e4 else slice(None)
        law, against = (accuracy.poisson_in_digits, "mpmath") if high > 1e4 else (accuracy.poisson, "SciPy")
        k = np.asarray(poisson(u, mean))
        row("poisson", domain, against, accuracy.count_miss(u[some], k[some], law(mean[some])))
        for size_low, size_high in ((0.05, 0.3), (0.3, 50.0), (50.0, 1e4), (1e4, 1e8)):
            size = accuracy.between(rng, size_low, size_high, CHECKED)
            some, law, against = slice(None), accuracy.negative_binomial, "SciPy"
            if high > 1e4 and size_high <= 50.0:
                some, law, against = slice(IN_DIGITS), accuracy.negative_binomial_in_digits, "mpmath"
            k = np.asarray(negative_binomial(u, mean, size))
            miss = accuracy.count_miss(u[some], k[some], law(mean[some], size[some]))
            row("negative_binomial", f"{domain}, size {size_low:g}-{size_high:g}", against, miss)
    mean, size = accuracy.between(rng, 0.05, 300.0, CHECKED), accuracy.between(rng, 0.3, 50.0, CHECKED)
    midpoints = (rng.integers(0, 2**23, CHECKED) + 0.5) * 2.0**-23
    for name, quantile, arguments in (
        ("poisson, float32", poisson, (midpoints, mean)),
        ("negative_binomial, float32", negative_binomial, (midpoints, mean, size)),
    ):
        single = tuple(x.astype(np.float32) for x in arguments)
        off = np.abs(np.asarray(quantile(*single)) - np.asarray(quantile(*(x.astype(np.float64) for x in single))))
        found.append(
            Truth(name, "mean 0.05-300, off by", "float64", CHECKED, float(off.max()), float(np.mean(off > 0)))
        )
    return found


def _mixed() -> list[Truth]:
    """Zero-inflated counts beside the mixture's law; shares and tables beside SciPy's and NumPy's inverses."""
    rng, found = np.random.default_rng(4), []
    u, share = accuracy.uniforms(rng, CHECKED), rng.uniform(0.0, 0.99, CHECKED)
    mean, size = accuracy.between(rng, 0.05, 300.0, CHECKED), accuracy.between(rng, 0.3, 50.0, CHECKED)
    for name, quantile, law in (
        ("poisson", lambda rest: quantiles.poisson(rest, mean), accuracy.poisson(mean)),
        (
            "negative_binomial",
            lambda rest: quantiles.negative_binomial(rest, mean, size),
            accuracy.negative_binomial(mean, size),
        ),
    ):
        k = np.asarray(quantiles.zero_inflated(u, share, quantile))
        miss = accuracy.count_miss(u, k, accuracy.zero_inflated(share, law))
        row = float(miss.max()), float(np.mean(miss > 1e-13))
        found.append(Truth(f"zero-inflated {name}", "mean 0.05-300, share 0-0.99", "SciPy", CHECKED, *row))
    observed, cdf = np.sort(rng.gamma(2.0, 5.0, 100)), np.append(np.sort(rng.uniform(size=15)), 1.0)
    for name, domain, against, value, right in (
        ("bernoulli", "share 0-0.99", "SciPy", quantiles.bernoulli(u, share), stats.bernoulli.ppf(u, share)),
        ("tabulated", "16 values", "NumPy", quantiles.tabulated(u, np.broadcast_to(cdf, (CHECKED, 16))),
         1.0 + np.searchsorted(cdf, u)),
        ("empirical", "100 values", "NumPy", quantiles.empirical(u, np.broadcast_to(observed, (CHECKED, 100))),
         np.quantile(observed, u, method="inverted_cdf")),
    ):  # fmt: skip
        off = np.abs(np.asarray(value) - right)
        found.append(Truth(name, f"{domain}, off by", against, CHECKED, float(off.max()), float(np.mean(off > 0))))
    return found


def _numbers() -> list[Truth]:
    rng, found = np.random.default_rng(3), []
    u, one = accuracy.uniforms(rng, CHECKED), np.ones(CHECKED)
    z = np.asarray(jax.jit(quantiles.normal)(u))
    some = slice(CHECKED // 3 - IN_DIGITS, CHECKED // 3 + IN_DIGITS)
    error = accuracy.normal_error(np.r_[u[:4], u[some]], np.r_[z[:4], z[some]])
    found.append(Truth("normal", "both tails", "mpmath", error.size, error.max(), 0.0))
    gamma = jax.jit(quantiles.gamma)
    for low, high in ((0.05, 0.3), (0.3, 17.0), (17.0, 60.0), (60.0, 1e4), (1e4, 1e7)):
        shape = accuracy.between(rng, low, high, CHECKED)
        x = np.asarray(gamma(u, shape, one))
        some = np.r_[0 : CHECKED : CHECKED // (IN_DIGITS if high <= 1e4 else 20)]
        some = some[x[some] > 1e-290]
        error = accuracy.gamma_error(u[some], shape[some], x[some])
        found.append(Truth("gamma", f"shape {low:g}-{high:g}", "mpmath", error.size, error.max(), 0.0))
    sigma, shape = rng.uniform(0.01, 2.0, CHECKED), accuracy.between(rng, 0.5, 5.0, CHECKED)
    for name, domain, value, law in (
        ("lognormal", "sigma 0.01-2", quantiles.lognormal(u, one, sigma), np.exp(1.0 + sigma * special.ndtri(u))),
        ("weibull", "shape 0.5-5", quantiles.weibull(u, shape, one), (-np.log1p(-u)) ** (1.0 / shape)),
    ):
        error = np.abs(np.asarray(value) / law - 1.0)
        found.append(Truth(name, domain, "SciPy", error.size, error.max(), 0.0))
    return found


def main() -> None:
    with jax.enable_x64(True):
        cost, truth = costs(), truths()
    cores = len(os.sched_getaffinity(0))
    print(f"{FUTURES} x {VALUES} values, {cores} cores, JAX {jax.__version__} on {jax.default_backend()}")
    print(f"\n{'':34}{'ns/value':>10}")
    for row in cost:
        print(f"{row.name:34}{row.ns:10.1f}")
    ns = {row.name: row.ns for row in cost}
    print()
    for ours, peer in (
        ("poisson with its bits", "jax.random.poisson"),
        ("poisson with its bits", "NumPy poisson"),
        ("negative_binomial with its bits", "NumPy negative_binomial"),
        ("normal", "jax.scipy.special.ndtri"),
        ("gamma", "NumPy gamma"),
    ):
        print(f"{peer} / {ours}: {ns[peer] / ns[ours]:.1f}")
    print("\nCounts: distance of u from where the count would be right (share of counts with more than 1e-13).")
    print("Numbers: relative error. u: 52 bits, a third of them in each tail.")
    print(f"\n{'':28}{'domain':42}{'against':>9}{'values':>8}{'error':>10}{'wrong':>10}")
    for t in truth:
        print(f"{t.name:28}{t.domain:42}{t.against:>9}{t.checked:8}{t.error:10.1e}{t.wrong:10.1e}")


if __name__ == "__main__":
    main()
