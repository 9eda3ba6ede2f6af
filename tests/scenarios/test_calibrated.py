"""A stress run on posterior draws: which it took is kept and said; too few, failed or other ones are refused."""

import json

import numpy as np
import pytest
import xarray as xr

from scenarios import posterior, store
from scenarios.cli import main
from scenarios.console import EXIT
from scenarios.report import verdict
from scenarios.report.findings import findings
from scenarios.report.words import words_of
from scenarios.run import stress
from scenarios.sweep.board import OtherPlan
from scenarios.sweep.work import Worker
from tests.scenarios.conftest import DRAWS
from twin.assembly import assemble
from twin.assembly.structure import lane_name
from twin.results import labels
from twin.tables.read import read


@pytest.fixture(scope="module")
def company(shop):
    return read(shop).company


@pytest.fixture(scope="module")
def draws(company, tmp_path_factory):
    """Means twice the tables', each draw its own, as `tandem calibrate` writes them."""
    s, params = assemble(company, {}).structure, assemble(company, {}).params
    count = -(-DRAWS // 2)
    factor = 2.0 + np.linspace(-0.1, 0.1, count)
    place = ("draw", "node", "product")
    mean = factor[:, None, None] * np.asarray(params.demand_mean)
    found = xr.Dataset(
        {"demand_mean": (place, mean), "zero_share": (place, np.full(mean.shape, 0.1)),
         "demand_size": (place, np.full(mean.shape, 3.0))},
        {"node": labels(s.nodes), "product": labels(s.products)}, {"engine": "laplace", "as_of": "2026-01-01"},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("posterior") / "posterior.zarr"
    found.to_zarr(folder, group="parameters", zarr_format=3, consolidated=False)
    return folder


@pytest.fixture(scope="module")
def run(company, draws, tmp_path_factory):
    out = tmp_path_factory.mktemp("calibrated") / "run"
    return stress(company, [], out, draws=DRAWS, given=posterior.Given(draws))


def test_a_run_takes_its_draws_and_says_so(run, company, draws):
    said = json.loads((run / store.MANIFEST).read_text())["posterior"]
    assert said["sha256"] == posterior.fingerprint(draws)
    assert (said["mode"], said["engine"], said["as_of"]) == ("both", "laplace", "2026-01-01")
    model = Worker(run).model
    again = posterior.adopt(assemble(company, {}), draws)
    assert np.array_equal(model.params.demand_mean, again.params.demand_mean)


@pytest.mark.parametrize(("lang", "says"), [("en", "up to 2026-01-01"), ("zh", "截至2026-01-01")])
def test_the_report_says_on_what_it_rests(run, lang, says):
    found = findings(run)
    assert says in verdict.condition(found, words_of(found, lang))


def test_another_posterior_is_another_run(run, company, draws):
    for given in (None, posterior.Given(draws, "process")):
        with pytest.raises(OtherPlan, match="the posterior draws"):
            stress(company, [], run, draws=DRAWS, given=given)


def test_process_alone_takes_the_mean_of_the_draws(company, draws):
    model = assemble(company, {})
    mean = posterior.adopt(model, draws, "process").params.demand_mean
    assert mean.shape[0] == 1
    np.testing.assert_allclose(mean[0], 2.0 * model.params.demand_mean[0], rtol=1e-12)


def test_places_that_sell_nothing_need_no_draws(company, draws, tmp_path):
    model = assemble(company, {})
    sells = (np.asarray(model.params.demand_mean[0]) > 0).any(axis=1)
    assert not sells.all()
    some = xr.open_zarr(draws, group="parameters", consolidated=False).isel(node=np.flatnonzero(sells)).load()
    some.to_zarr(tmp_path / "p.zarr", zarr_format=3, consolidated=False)
    whole, part = (posterior.read(path, model).demand_mean for path in (draws, tmp_path / "p.zarr"))
    assert np.array_equal(whole, part)


@pytest.mark.parametrize(
    ("gate", "futures", "code", "says"),
    [
        (True, 2 * DRAWS + 2, EXIT.usage, "posterior draws, {stored} are stored"),
        (False, DRAWS, EXIT.gate, "the fit failed a gate"),
    ],
)
def test_draws_that_are_short_or_failed_are_refused(gate, futures, code, says, shop, draws, tmp_path, capsys):
    path = tmp_path / "p.zarr"
    posterior.copy(draws, path)
    table = xr.Dataset({"passed": ("gate", [gate])}, {"gate": labels(["a gate"])})
    table.to_zarr(path, group="diagnostics", zarr_format=3, consolidated=False)
    given = ["stress", str(shop), "--out", str(tmp_path / "run"), "--draws", str(futures), "--posterior", str(path)]
    assert main(given) == code
    assert says.format(stored=-(-DRAWS // 2)) in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_lead_times_by_draw_take_the_place_of_the_tables(company, tmp_path):
    model = assemble(company, {})
    table = np.asarray(model.params.lead_cdf)
    law = np.sort(np.random.default_rng(0).random((3, *table.shape[1:])), axis=2)
    law[:, :, -1] = 1.0
    lanes = labels([lane_name(lane) for lane in model.structure.lanes])
    found = xr.Dataset(
        {"lead_cdf": (("draw", "lane", "lead_day"), law), "lead_capped": (("draw", "lane"), law[:, :, -2])},
        {"lane": lanes},
    )
    found.to_zarr(tmp_path / "p.zarr", zarr_format=3, consolidated=False)
    params = posterior.read(tmp_path / "p.zarr", model)
    assert np.array_equal(params.lead_cdf, law)
    assert np.array_equal(params.lead_capped, law[:, :, -2])
    assert np.array_equal(params.demand_mean[2], model.params.demand_mean[0])
    for wrong, says in ((found.isel(lane=[0]), "lanes"), (found.isel(lead_day=slice(1, None)), "lead times up to")):
        wrong.to_zarr(tmp_path / "q.zarr", mode="w", zarr_format=3, consolidated=False)
        with pytest.raises(posterior.NoPosterior, match=f"{says}.*run tandem calibrate again"):
            posterior.read(tmp_path / "q.zarr", model)


def test_split_of_a_conjugate_case():
    """Gamma posterior of a Poisson rate over h days: variance h^2 a / b^2 of the rate and h a / b of luck.

    Standard errors: 2 sigma^4 / n of a sample variance, doubled for what the small skewness adds.
    """
    a, b, days, count = 40.0, 10.0, 91, 40_000
    rng = np.random.default_rng(8)
    rate = rng.gamma(a, 1 / b, count)
    found = posterior.split(rng.poisson(days * np.repeat(rate, 2)))
    parameters, luck = days**2 * a / b**2, days * a / b
    assert abs(found.parameters - parameters) < 5 * 2 * parameters * np.sqrt(2 / count)
    assert abs(found.luck - luck) < 5 * 2 * luck * np.sqrt(2 / count)
    assert found.low < parameters / (parameters + luck) < found.high
