"""The gate of priors beside closed forms: a conjugate normal mean, whose power-scaled posterior is known."""

from pathlib import Path

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr
from scipy import stats

from calibration.inference import arviz, gates
from calibration.inference.fit import write
from calibration.inference.sensitivity import log_prior, sensitivity

SPREAD, NOISE, TRUTH = 0.5, 2.0, 3.0  # of the prior, of an observation; where the data are


def mean_of(data):
    """mu ~ N(0, 0.5); y ~ N(mu, 2)."""
    mu = numpyro.sample("mu", dist.Normal(0.0, SPREAD))
    with numpyro.plate("observation", len(data)):
        numpyro.sample("y", dist.Normal(mu, NOISE), obs=data)


def scaled(number: int, alpha: float = 1.0) -> stats.rv_continuous:
    """The posterior of mu with the prior to the power alpha, from `number` observations with mean TRUTH."""
    precision = alpha / SPREAD**2 + number / NOISE**2
    return stats.norm(number * TRUTH / NOISE**2 / precision, precision**-0.5)


def distance(p: np.ndarray, q: np.ndarray, step: float) -> float:
    """Cumulative Jensen-Shannon distance of two distribution functions on a grid: Nguyen & Vreeken 2015, normalised."""
    m = (p + q) / 2
    one, other = (x * np.log2(x / m) + (m - x) / np.log(2) for x in (p, q))
    return float(np.sqrt((one + other).sum() / (p + q).sum()))


def closed_form(number: int, draws: np.ndarray) -> float:
    """The figure from the two power-scaled normal laws, over the range of the draws."""
    at, step = np.linspace(draws.min(), draws.max(), 20_001, retstep=True)
    found = []
    for alpha in arviz.ALPHAS:
        both = scaled(number), scaled(number, alpha)
        below, above = (distance(*(f(x) for f in fs), step) for fs, x in (
            ([law.cdf for law in both], at), ([law.sf for law in both], at)))  # fmt: skip
        found.append(max(below, above) / abs(np.log2(alpha)))
    return float(np.mean(found))


def fitted(number: int, draws: int = 4000) -> tuple[xr.DataTree, np.ndarray]:
    """(exact draws of the posterior as a fit keeps them, the data)."""
    drawn = scaled(number).rvs(draws, random_state=np.random.default_rng(3))
    return xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": (("chain", "draw"), drawn[None])})}), np.full(
        number, TRUTH
    )


@pytest.mark.parametrize(("number", "passes"), [(8, False), (40_000, True)])
def test_a_tight_wrong_prior_fails_and_plenty_of_data_pass(number: int, passes: bool) -> None:
    tree, data = fitted(number)
    priors = log_prior(mean_of, data, tree)
    mu = tree["posterior"].dataset["mu"].values[0]
    np.testing.assert_allclose(priors["mu"], stats.norm(0, SPREAD).logpdf(mu), rtol=1e-12)
    (gate,) = gates.of_priors({"the mean": mu}, priors)
    assert gate.passed == passes
    assert gate.figure == pytest.approx(closed_form(number, mu), rel=0.1)
    assert "the prior of mu" in gate.remedy and "more history" in gate.remedy


def nested(data):
    """A population's mean and spread on top; items and standardised effects below."""
    mean = numpyro.sample("mean", dist.Normal(0.0, 1.0))
    s = numpyro.sample("s", dist.HalfNormal(1.0))
    week = numpyro.sample("week", dist.Normal(0.0, s).expand([3]).to_event(1))
    several = numpyro.sample("several", dist.Normal(0.0, 2.0).expand([2]).to_event(1))
    with numpyro.plate("member", 4):
        item = numpyro.sample("item", dist.Normal(mean, s))
        effect = numpyro.sample("effect", dist.Normal())
    numpyro.sample("y", dist.Normal((item + s * effect).sum() + week.sum() + several.sum(), 1.0), obs=data)


def test_only_the_top_of_a_hierarchy_is_scaled() -> None:
    rng = np.random.default_rng(1)
    shapes = {"mean": (), "s": (), "week": (3,), "several": (2,), "item": (4,), "effect": (4,)}
    draws = {name: np.abs(rng.normal(size=(2, 5, *shape))) for name, shape in shapes.items()}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(
        {name: (("chain", "draw", *(f"{name}_{n}" for n in range(x.ndim - 2))), x) for name, x in draws.items()}
    )})  # fmt: skip
    found = log_prior(nested, np.zeros(()), tree)
    assert sorted(found) == ["mean", "s", "several"]
    flat = draws["several"].reshape(10, 2)
    np.testing.assert_allclose(found["several"], stats.norm(0, 2).logpdf(flat).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found["s"], stats.halfnorm.logpdf(draws["s"].ravel()), rtol=1e-12)


def test_a_prior_that_a_quantity_has_nothing_to_do_with_does_not_fail_it_by_luck() -> None:
    """A log density with heavy tails: unscreened, half of all unrelated quantities would fail."""
    rng = np.random.default_rng(2)
    heavy = stats.halfnorm.logpdf(np.exp(rng.normal(-0.5, 1.0, 1000)))
    others = [rng.normal(size=1000) for _ in range(100)]
    assert np.mean([arviz.power_scaling(x, heavy) > gates.SENSITIVITY_MAX for x in others]) > 0.3
    assert np.mean([sensitivity(x, {"s": heavy})[0] > gates.SENSITIVITY_MAX for x in others]) < 0.02
    # a spread that the prior moves is seen too, though the place stays where it is
    z = rng.normal(size=1000)
    assert sensitivity(z, {"s": -(z**2)})[0] > gates.SENSITIVITY_MAX
    assert sensitivity(np.ones(1000), {"s": heavy}) == (0.0, "")


def test_what_a_person_explained_is_kept_with_the_fit(tmp_path: Path) -> None:
    failed = [
        gates.most(gates.SENSITIVITY + "mean lift", 0.2, 0.05, "more history"),
        gates.most("drift", 1, 0.05, "more"),
    ]
    write(xr.DataTree.from_dict({"diagnostics": gates.dataset(failed)}), tmp_path / "p.zarr")
    gates.explain(tmp_path / "p.zarr", "no promotion was tried yet")
    again = xr.open_datatree(tmp_path / "p.zarr", engine="zarr", consolidated=False)
    assert list(again["diagnostics"].dataset["explained"].values) == ["no promotion was tried yet", ""]
    assert gates.table(again) == failed
