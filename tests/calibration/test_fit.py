"""`fit` beside a closed form: a linear Gaussian hierarchy, whose posterior is a Gaussian with a known precision."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr
from scipy import optimize, stats

from calibration.inference import arviz, fit, gates, psis, svi
from calibration.inference.fit import write
from calibration.inference.laplace import SETTLED, Blocks, Laplace
from scenarios import calibrating

GROUPS, ITEMS, EACH = 2, 6, 5
GROUP_OF = np.arange(ITEMS) % GROUPS


def hierarchy(data):
    """mu ~ N(0, 3); group ~ N(mu, 1); item ~ N(group of it, 0.5); y ~ N(item, 1)."""
    mu = numpyro.sample("mu", dist.Normal(0.0, 3.0))
    with numpyro.plate("group", GROUPS, dim=-1):
        group = numpyro.sample("of_group", dist.Normal(mu, 1.0))
    with numpyro.plate("item", ITEMS, dim=-1):
        item = numpyro.sample("of_item", dist.Normal(group[GROUP_OF], 0.5))
        numpyro.factor("likelihood", dist.Normal(item, 1.0).log_prob(data).sum(0))


def closed_form(y):
    """Means and covariance of (mu, groups, items): precision and its right-hand side, term by term."""
    n = 1 + GROUPS + ITEMS
    precision, right = np.zeros((n, n)), np.zeros(n)
    precision[0, 0] += 1 / 9

    def tie(a, b, sd):
        precision[np.ix_([a, b], [a, b])] += np.array([[1, -1], [-1, 1]]) / sd**2

    for g in range(GROUPS):
        tie(0, 1 + g, 1.0)
    for i in range(ITEMS):
        tie(1 + GROUP_OF[i], 1 + GROUPS + i, 0.5)
        precision[1 + GROUPS + i, 1 + GROUPS + i] += EACH
        right[1 + GROUPS + i] += y[:, i].sum()
    covariance = np.linalg.inv(precision)
    return covariance @ right, covariance


@pytest.fixture(scope="module")
def y():
    return np.random.default_rng(5).normal(1.0, 1.5, (EACH, ITEMS))


@pytest.mark.parametrize("engine", ["laplace", "nuts"])
def test_the_posterior_is_the_closed_form(y, engine):
    number = 4000
    found = fit(
        hierarchy, jnp.asarray(y), engine=engine, blocks=Blocks("item", "group", GROUP_OF), steps=800, warm_up=500,
        draws=number if engine == "laplace" else number // 4,
    )  # fmt: skip
    assert not [gate for gate in gates.table(found) if not gate.passed]
    draws = np.concatenate(
        [found["posterior"][name].values.reshape(number, -1) for name in ("mu", "of_group", "of_item")], axis=1
    )
    mean, covariance = closed_form(y)
    # five standard errors; chains are taken to be worth a quarter of their draws
    worth = number if engine == "laplace" else number / 4
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - mean) / spread, 5 / np.sqrt(worth))
    products = np.outer(spread, spread)
    np.testing.assert_array_less(np.abs(np.cov(draws.T) - covariance) / products, 5 * np.sqrt(2 / worth))


def pooled(data):
    """x ~ N(0, s), y ~ N(x, spread): the data say little of s, and nearly all of that through x."""
    y, spread = data
    s = numpyro.sample("s", dist.HalfNormal(1.0), infer={"variance": True})
    with numpyro.plate("member", len(y), dim=-1):
        x = numpyro.sample("x", dist.Normal(0.0, s))
        numpyro.factor("likelihood", dist.Normal(x, spread).log_prob(y))


@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_a_variance_is_where_its_marginal_law_says(spread):
    """y ~ N(0, s^2 + spread^2) once x is integrated out: mode and curvature of log s by a search on that line.

    With spread 4 the data leave 3 % of the joint curvature.
    """
    y = np.random.default_rng(4).normal(0.0, np.hypot(spread, 0.7), 40)

    def marginal(log_s):
        s = np.exp(log_s)
        return -(stats.norm.logpdf(y, 0.0, np.hypot(s, spread)).sum() + stats.halfnorm.logpdf(s) + log_s)

    mode = optimize.minimize_scalar(marginal, bounds=(-3, 2), method="bounded", options={"xatol": 1e-8}).x
    h = 1e-3
    width = ((marginal(mode + h) - 2 * marginal(mode) + marginal(mode - h)) / h**2) ** -0.5
    found = fit(pooled, (jnp.asarray(y), jnp.asarray(spread)), steps=800, draws=2000)
    assert not [gate for gate in gates.table(found) if not gate.passed]
    log_s = np.log(found["posterior"]["s"].values.ravel())
    # what is left to go when the search ends, and four standard errors of these draws
    assert abs(log_s.mean() - mode) < (SETTLED + 4 / np.sqrt(2000)) * width
    assert abs(log_s.std() / width - 1) < 4 / np.sqrt(2 * 2000)


def test_a_block_with_heavy_tails_gets_a_proposal_that_reaches_them():
    """Student's t with 4 degrees of freedom, moved by one: the normal approximation at its mode fails, a t law not."""
    number, own = 4000, 3
    rng = np.random.default_rng(0)

    def log_density(x):
        return -0.5 * (4 + own) * np.log1p((x**2).sum(axis=2) / 4)

    root = np.broadcast_to(np.eye(own) * np.sqrt(4 / (4 + own)), (2, own, own))
    normal = rng.standard_normal((number, 2, own))
    first = log_density(np.einsum("iqp,dip->diq", root, normal)) + 0.5 * (normal**2).sum(axis=2)
    assert (arviz.psis(first.T)[1] > psis.GOOD).all()
    found = psis.corrected(log_density, root, normal, number // 2, rng)
    assert len(found.draws) == number // 2 and (found.khat < psis.GOOD).all()
    assert (number / 8 < found.worth).all() and (found.worth < number // 2).all()
    # each coordinate is Student's t too; resampled draws are worth what they say
    ranks = stats.t.cdf(found.draws, 4)
    shares = (ranks < 0.1).mean(axis=0)
    np.testing.assert_array_less(np.abs(shares - 0.1), 5 * np.sqrt(0.09 / found.worth.min()))


def test_resampled_means_scatter_as_their_worth_says():
    """Two thousand weighted proposals, of which every other, or each, is drawn; the same weights, many lots."""
    rng = np.random.default_rng(5)
    for number in (500, 1000):
        means, worth = [], []
        for _ in range(400):
            x = rng.standard_normal(1000)
            weight = np.exp(0.8 * rng.standard_normal(1000))  # says nothing of x
            weight /= weight.sum()
            means.append(x[psis._resampled(weight, number, rng)].mean())
            worth.append(1 / psis._worth(weight, number))
        assert np.var(means) == pytest.approx(np.mean(worth), rel=5 * np.sqrt(2 / 400))
    even = np.full(1000, 1e-3)
    assert psis._worth(even, 1000) == pytest.approx(1000) and psis._worth(even, 500) == pytest.approx(500)


@pytest.mark.parametrize(
    ("changed", "name"),
    [({"drift": 0.06}, "drift of variance parameters"), ({"disagreement": 0.2}, "two starts apart"),
     ({"worth": 300.0}, "Monte Carlo error of means, largest"), ({"step": 0.1}, "last Newton step"),
     ({"khat": np.full(60, 0.8)}, "share of blocks with k-hat below 0.7")],
)  # fmt: skip
def test_each_gate_of_laplace_can_fail(changed, name):
    fine = Laplace({}, step=0.0, khat=np.zeros(60), drift=0.0, disagreement=0.0, worth=1000.0)
    assert all(gate.passed for gate in gates.of_laplace(fine))
    assert [gate.name for gate in gates.of_laplace(fine._replace(**changed)) if not gate.passed] == [name]


def test_a_quick_look_never_passes_its_gates(y, tmp_path):
    found = fit(hierarchy, jnp.asarray(y), engine="svi", draws=10, steps=400)
    for _ in range(2):  # the second in place of the first
        write(found, tmp_path / "p.zarr")
    assert [file.name for file in tmp_path.iterdir()] == ["p.zarr"]
    again = xr.open_datatree(tmp_path / "p.zarr", engine="zarr", consolidated=False)
    assert gates.table(again) == gates.table(found)
    assert again["posterior"]["of_item"].dims == ("chain", "draw", "item")
    with pytest.raises(gates.Blocked, match="mean-field intervals are too narrow"):
        gates.release(found)


def test_the_command_offers_the_steps_that_the_fit_takes():
    assert calibrating.STEPS == svi.STEPS
