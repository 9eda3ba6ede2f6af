"""The strategy team's commands: what they print and keep, what they refuse, and how the report shows it."""

import csv
import json

import numpy as np
import openpyxl
import pytest
import xarray as xr
from markupsafe import escape

from scenarios import answers, posterior
from scenarios.cli import main
from scenarios.console import EXIT
from scenarios.report import catalogue, strategy, write_report, write_tables
from scenarios.report.words import words_for
from tests.scenarios.synthetic_run import write_run
from tests.twin import small_shop
from twin.assembly import assemble
from twin.results import labels

ESTIMATE = [1.5, 1.0, 2.0, 16]
SURVIVAL = {
    "places": [
        {"place": "far", "kind": "supplier", "cover": ESTIMATE, "supply": ESTIMATE, "cash": ESTIMATE, "supply_open": 0,
         "cash_open": 16, "recovery": ESTIMATE, "too_slow": [0.5, 0.2, 0.8, 16], "lost_margin": ESTIMATE,
         "lost_cash": ESTIMATE},
    ],
    "draws": 16, "start": 28, "recovery": "20", "most": 60,
}  # fmt: skip
FAMILY = {"axes": ["demand-slump", "rate-rise"], "severity": {"demand-slump": 0.8, "rate-rise": 1.2}, "distance": 2.1,
          "once_in": 56.0}  # fmt: skip
REVERSE = {
    "families": [FAMILY], "line": "cash", "floor": 1000.0, "share": 0.5, "draws": 5, "correlation": 0.0,
    "rarest": 1000.0, "base": 1.0, "worst": -1.0, "plays": 99,
    "prior": [{"axis": "demand-slump", "sigma": 0.57}, {"axis": "rate-rise", "sigma": 0.78}],
    "contour": {"axes": ["demand-slump", "rate-rise"], "severity": [[1.3, 0.0], [0.8, 1.2], None],
                "distance": [2.3, 2.1, None], "metric": [[1.0, 0.0], [0.0, 1.0]]},
}  # fmt: skip
DESIGN = {
    "kind": "sobol", "axes": ["demand-slump"], "n": 500, "met": False, "width": 0.01, "severity": "uniform(0, 1.5)",
    "figures": {"survival": [0.9, 0.8, 1.0, 500], "liquidity 0.1 %": {"need": 3688, "n": 500}},
}  # fmt: skip
ACTIONS = {
    "actions": [
        {"names": ["larger_line"], "sizes": ["+10 %"], "spent": ESTIMATE, "liquidity": ESTIMATE, "per_unit": ESTIMATE,
         "survival": ESTIMATE, "fill": ESTIMATE, "efficient": True},
        {"names": ["higher_price"], "sizes": ["+1 %"], "spent": [-1.0, -2.0, 0.0, 16], "liquidity": ESTIMATE,
         "per_unit": ESTIMATE, "survival": ESTIMATE, "fill": ESTIMATE, "efficient": False},
    ],
    "scenario": "compound", "draws": 16,
}  # fmt: skip
SPREAD = {
    "figures": {"liquidity": {"parameters": 3.0, "luck": 1.0, "share": 0.75, "low": 0.6, "high": 0.9, "draws": 64}},
    "scenario": "base", "draws": 64,
}  # fmt: skip
ALL = {"survival": SURVIVAL, "reverse": REVERSE, "design": DESIGN, "actions": ACTIONS, "spread": SPREAD}


def test_help_has_examples(capsys):
    for command in ("survive", "reverse", "design", "actions", "spread"):
        assert main([command, "--help"]) == EXIT.done
        assert f"tandem {command} shop/" in " ".join(capsys.readouterr().out.split())


def texts(answer, lang):
    found = strategy.tables(answer, words_for(small_shop.company(), lang))
    return [table.note + " ".join(str(x) for row in table.rows for x in row.cells) for table in found]


@pytest.mark.parametrize("lang", catalogue.LANGUAGES)
def test_every_answer_is_a_table_in_every_language(lang):
    assert len(texts(ALL, lang)) == len(ALL)


def test_tables_say_what_cannot_be_said():
    survival, reverse, design, actions, spread = texts(ALL, "en")
    assert "more than 60" in survival
    assert "once in 56 years" in reverse and "× 0.80" in reverse
    assert "500 points cannot support it; it takes 3,688" in design and "did not become as narrow" in design
    assert "pays for itself" in actions
    assert "0.75" in spread
    (nothing,) = texts({"reverse": REVERSE | {"families": [], "contour": {}}}, "en")
    assert "Nothing plausible breaks it" in nothing
    (already,) = texts({"reverse": REVERSE | {"families": [], "contour": {}, "base": -1.0}}, "en")
    assert "broken already" in already


def test_an_answer_is_kept_beside_its_own_run_only(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"input_hash": "abc"}))
    answers.keep(tmp_path, "survival", SURVIVAL, "abc")
    assert answers.read(tmp_path) == {"survival": SURVIVAL}
    with pytest.raises(answers.OtherCompany, match="other tables"):
        answers.keep(tmp_path, "survival", SURVIVAL, "xyz")


def test_the_report_shows_what_was_kept(tmp_path):
    run = write_run(tmp_path / "run", ["shock"])
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for study, answer in ALL.items():
        answers.keep(run, study, answer, manifest["input_hash"])
    page = write_report(run, lang="zh").read_text(encoding="utf-8")
    words = words_for(small_shop.company(), "zh")
    for table in strategy.tables(ALL, words):
        assert escape(table.title) in page
    assert words("strategy.reverse.plane_note") in page and "50年一遇" in page
    assert words("strategy.actions.picture") in page
    book = openpyxl.load_workbook(write_tables(run, lang="zh"))
    assert {words(f"workbook.sheets.{study}") for study in ALL} <= set(book.sheetnames)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["reverse", "{shop}", "--scenarios", "demand-slmp"], EXIT.usage, "did you mean 'demand-slump'?"),
        (["reverse", "{shop}", "--scenarios", "rate-rise,rate-rise"], EXIT.usage, "give each scenario once"),
        (["reverse", "{shop}", "--scenarios", "terms-cut,loss-of-confidence"], EXIT.invalid, "both set the terms"),
        (["design", "{shop}", "--design", "list"], EXIT.usage, "needs --file"),
        (["design", "{shop}", "--scenarios", "rate-rise", "--design", "list", "--file", "{csv}"], EXIT.invalid,
         "expected the columns rate-rise"),
        (["survive", "{shop}", "--recovery", "{csv}"], EXIT.invalid, "expected the columns place,recovery"),
        (["spread", "{shop}"], EXIT.usage, "parameters are taken as known"),
        (["spread", "{shop}", "--posterior", "{csv}"], EXIT.invalid, "cannot be read as Zarr or netCDF"),
        (["actions", "{shop}", "--scenario", "compond"], EXIT.usage, "did you mean 'compound'?"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused_with_the_remedy(arguments, code, says, shop, tmp_path, capsys):
    path = tmp_path / "x.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["a", "b"], [1, 2]])
    given = [part.format(shop=shop, csv=path) for part in arguments]
    assert main(given) == code
    assert says in " ".join(capsys.readouterr().err.split())


# -------------------- posterior draws from a file


@pytest.fixture(scope="module")
def model():
    return assemble(small_shop.company())


def draws_of(model, count=3, **changes):
    s = model.structure
    rng = np.random.default_rng(0)
    mean = rng.gamma(9, 1, (count, len(s.nodes), len(s.products)))
    fields = {"demand_mean": (("draw", "node", "product"), mean), "company_week": (("draw",), np.full(count, 0.1))}
    coords = {"node": labels(s.nodes), "product": labels(s.products)}
    return xr.Dataset(fields | changes, coords)


def test_posterior_draws_are_read_by_name(model, tmp_path):
    data = draws_of(model)
    shuffled = data.isel(node=slice(None, None, -1), product=[1, 0, 2])
    shuffled.to_zarr(tmp_path / "p.zarr", zarr_format=3, consolidated=False)
    params = posterior.read(tmp_path / "p.zarr", model)
    sells = np.asarray(model.params.demand_mean[0]) > 0
    assert np.array_equal(params.demand_mean[:, sells], data.demand_mean.values[:, sells])
    assert (params.demand_mean[:, ~sells] == 0).all()
    assert (params.company_week == 0.1).all()
    # what the file does not hold is the table's, in every draw
    assert np.array_equal(params.demand_size, np.tile(model.params.demand_size, (3, 1, 1)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mean": (("draw",), np.ones(3))}, "found mean; allowed are demand_mean"),
        ({"company_week": (("node",), np.ones(4))}, "company_week has dimensions node; expected draw"),
        ({"company_week": (("draw",), np.full(3, np.nan))}, "must be finite"),
    ],
)
def test_a_posterior_that_does_not_fit_is_refused(model, tmp_path, change, says):
    draws_of(model, **change).to_zarr(tmp_path / "p.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(posterior.NoPosterior, match=says):
        posterior.read(tmp_path / "p.zarr", model)


def test_a_posterior_without_a_place_is_refused(model, tmp_path):
    draws_of(model).isel(product=[0, 1]).to_zarr(tmp_path / "p.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(posterior.NoPosterior, match="demand_mean lacks"):
        posterior.read(tmp_path / "p.zarr", model)
