"""Whether a fit may be used: each test with its figure, its limit and what to do (CALIBRATION.md 3.4)."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from calibration.inference import arviz, psis
from calibration.inference.laplace import DRIFT_MAX, STEP_MAX, Laplace
from calibration.inference.nuts import TREE_DEPTH
from calibration.inference.sensitivity import sensitivity
from twin.results import labels

RHAT_MAX, ESS_MIN, BFMI_MIN, DEEP_MAX, GOOD_MIN = 1.01, 400, 0.3, 0.01, 0.99
APART_MAX, ERROR_MAX = 0.1, 0.05  # posterior spreads
SENSITIVITY_MAX, SENSITIVITY = 0.05, "prior sensitivity of "


class Gate(NamedTuple):
    """One test; it passes if the figure is on the right side of the limit."""

    name: str
    figure: float
    limit: float
    passed: bool
    remedy: str


class Blocked(Exception):
    """The fit failed a gate and is not to be used."""


def most(name: str, figure: float, limit: float, remedy: str) -> Gate:
    return Gate(name, float(figure), limit, bool(figure <= limit), remedy)


def least(name: str, figure: float, limit: float, remedy: str) -> Gate:
    return Gate(name, float(figure), limit, bool(figure >= limit), remedy)


def of_nuts(draws: dict[str, np.ndarray], stats: dict[str, np.ndarray]) -> list[Gate]:
    """draws: (chain, draw, ..) by site."""
    worst = max(float(np.max(arviz.rhat(x))) for x in draws.values())
    bulk, tail = (min(float(np.min(arviz.ess(x, kind))) for x in draws.values()) for kind in ("bulk", "tail"))
    deep = float((stats["num_steps"] >= 2**TREE_DEPTH - 1).mean())
    return [
        most("rank R-hat, largest", worst, RHAT_MAX, "longer warm-up, or the chains disagree: look at the site"),
        least("bulk effective draws, fewest", bulk, ESS_MIN, "more draws"),
        least("tail effective draws, fewest", tail, ESS_MIN, "more draws"),
        most("divergences", float(stats["diverging"].sum()), 0, "another parametrisation, or a higher acceptance"),
        least("E-BFMI, lowest", float(arviz.bfmi(stats["energy"]).min()), BFMI_MIN, "another parametrisation"),
        most("share of trajectories at full depth", deep, DEEP_MAX, "longer warm-up, or another parametrisation"),
    ]


def of_laplace(done: Laplace) -> list[Gate]:
    """Monte Carlo error: of a posterior mean, in posterior spreads, from the poorest block's worth in draws."""
    found = [
        most("drift of variance parameters", done.drift, DRIFT_MAX, "more SVI steps"),
        most("last Newton step", done.step, 10 * STEP_MAX, "more SVI steps: the mode was not reached"),
        most("two starts apart", done.disagreement, APART_MAX, "more SVI steps; else engine nuts: the mode is not one"),
        most("Monte Carlo error of means, largest", done.worth**-0.5, ERROR_MAX, "more draws"),
    ]
    if done.khat.size:
        good = float((done.khat < psis.GOOD).mean())
        found.append(least("share of blocks with k-hat below 0.7", good, GOOD_MIN, "engine nuts for these items"))
    return found


def of_influence(khat: np.ndarray, draws: int, what: str) -> list[Gate]:
    """khat: of PSIS leave-one-out by record, from so many draws; what: cells, or orders."""
    limit = psis.good(draws)
    share = float((khat < limit).mean()) if khat.size else 1.0
    remedy = f"single {what} decide too much: look at those that the page lists, or engine nuts"
    return [least(f"share of {what} whose leave-one-out k-hat is below {limit:.2f}", share, GOOD_MIN, remedy)]


def of_svi(drift: float) -> list[Gate]:
    return [
        most("drift of variational means", drift, DRIFT_MAX, "more SVI steps"),
        least("intervals", 0, 1, "mean-field intervals are too narrow: engine laplace or nuts"),
    ]


def of_priors(quantities: dict[str, np.ndarray], priors: dict[str, np.ndarray]) -> list[Gate]:
    """One gate a quantity (draw,): whether the prior decides it. priors: of `sensitivity.log_prior`.

    A fit that fails one was found as it should be, so this is no fault of the computation, and a prior may rightly
    decide (a promotion never tried before). It blocks all the same, until a person says why it may (`explain`): "below
    0.05 or explained" (CALIBRATION.md 3.4), and a warning would be the silent pass that this excludes.
    """
    found = []
    for name, quantity in quantities.items():
        figure, site = sensitivity(quantity, priors)
        of = f"the prior of {site}" if site else "this prior"
        remedy = f"the prior decides: more history, or look at {of}"
        found.append(most(SENSITIVITY + name, figure, SENSITIVITY_MAX, remedy))
    return found


def explainable(name: str) -> bool:
    """Whether a person may say why a fit that fails this gate is used all the same."""
    return name.startswith(SENSITIVITY)


def explain(path: Path, because: str) -> None:
    """Keep with a stored fit why it may be used though the prior decides; other failed gates stay unexplained."""
    kept = xr.open_zarr(path, group="diagnostics", consolidated=False).load()
    said = [because if explainable(str(name)) and not passed else ""
            for name, passed in zip(kept["gate"].values, kept["passed"].values, strict=True)]  # fmt: skip
    xr.Dataset({"explained": ("gate", labels(said))}).to_zarr(path, group="diagnostics", mode="a", consolidated=False)


def with_gates(fit: xr.DataTree, more: list[Gate]) -> None:
    """Adds gates to those stored with a fit."""
    fit["diagnostics"] = xr.DataTree(dataset([*table(fit), *more]))


def dataset(gates: list[Gate]) -> xr.Dataset:
    """The table as a group of the tree, axis (gate,)."""
    columns: dict[str, Any] = {field: [getattr(gate, field) for gate in gates] for field in Gate._fields}
    names = labels(columns.pop("name"))
    columns["remedy"] = labels(columns["remedy"])
    return xr.Dataset({field: ("gate", column) for field, column in columns.items()}, coords={"gate": names})


def release(fit: xr.DataTree) -> xr.DataTree:
    """The fit, if it passed. Raises Blocked with every failed gate and its remedy."""
    failed = [
        f"{name}: {figure:.4g}, limit {limit:g}; {remedy}"
        for name, figure, limit, passed, remedy in table(fit)
        if not passed
    ]
    if failed:
        raise Blocked("this fit is not to be used. " + " | ".join(failed))
    return fit


def table(fit: xr.DataTree) -> list[Gate]:
    """The gates stored with a fit."""
    kept = fit["diagnostics"].dataset
    columns = (kept[name].values for name in ("gate", "figure", "limit", "passed", "remedy"))
    return [Gate(str(a), float(b), float(c), bool(d), str(e)) for a, b, c, d, e in zip(*columns, strict=True)]
