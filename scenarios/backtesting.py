"""The command `tandem backtest`: forecasts from rolling origins beside what came. Imports late, as its neighbours."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from scenarios import console
from scenarios.console import EXIT, Stop

if TYPE_CHECKING:
    import pandas as pd

    from calibration.backtest.judged import Draws, Outcomes
    from calibration.backtest.reality import Reality
    from twin.assembly import Model
    from twin.exogenous import Params
    from twin.tables.company import Company

PAGE, FIGURES = "backtest.html", "backtest.csv"
LEARN = 28  # days before the first origin
TWIN, PLUG_IN, NAIVE, PLAN = "twin", "plug-in twin", "twin on sales as demand", "plan carried forward"


def backtest(
    company: Annotated[Path, typer.Argument(help="The company: its folder or its .xlsx workbook.", metavar="DIR")],
    draws: Annotated[int, typer.Option(help="Futures of each forecast.", min=20, max=100_000, metavar="N")] = 100,
    every: Annotated[int, typer.Option(help="Weeks from one origin to the next.", min=1, max=52, metavar="N")] = 2,
    replay: Annotated[bool, typer.Option("--replay", help="Forecasts take the orders that were placed; else the twin "
                                         "orders for itself.")] = False,
    seed: Annotated[int, typer.Option(help="Same seed, same luck.", min=0, max=2**63 - 1, metavar="N")] = 0,
) -> None:  # fmt: skip
    """Forecast 13 weeks from rolling origins and score them; write backtest.html and backtest.csv beside the company.

    What counts as having happened is one course of the company's twin, on a posterior draw that no forecast is given:
    it tries the way from parameters to cash and the width of the ranges, not the fit to the company's books. Beside
    the twin stand the twin on the posterior's mean, the twin on sales taken for demand, and the plan of the first day.
    """
    try:
        from calibration.backtest.judged import judge
        from calibration.backtest.origins import HORIZONS, TooShort, rolling_origins
        from calibration.backtest.reality import WEEK, live
        from calibration.backtest.run import backtest as run
    except ModuleNotFoundError as error:
        raise Stop(EXIT.usage, f"{error.name} is missing: pip install 'tandem-twin[calibrate]'") from error
    from twin.tables.read import read

    ready = read(company).company
    first, weeks = ready.settings.start, ready.settings.days // WEEK
    try:
        origins = rolling_origins(first, first + timedelta(weeks=weeks), LEARN, HORIZONS[-1], WEEK * every)
    except TooShort as error:
        raise Stop(EXIT.impossible, f"{company}: {error}; give the company more days, or a smaller --every") from error
    model, truth, said = _known(company, ready, draws)
    steps = iter(range(len(origins) + 2))
    with console.counting() as progress:
        progress("what happens", next(steps), len(origins) + 2)
        real = live(model, weeks, seed=seed, params=truth)
        progress("the plan of the first day", next(steps), len(origins) + 2)
        plan = _plan(model, said[PLUG_IN], weeks, draws, seed + 1)

        def learn(until: "Reality") -> dict[str, "Params"]:
            progress(f"forecasts from day {len(until.orders)}", next(steps), len(origins) + 2)
            return said | {NAIVE: _naive(model, said[PLUG_IN], until)}

        days = [(origin - first).days for origin in origins]
        actual, forecasts = run(
            model, real, learn, days, HORIZONS[-1] // WEEK, draws, replay=replay, plan=plan, seed=seed + 1
        )
    table = judge(actual, forecasts, naive=PLAN, seed=seed)
    folder = company if company.is_dir() else company.parent
    _publish(folder, f"Back-test: {ready.settings.name}", table, actual, forecasts, seed)


def _known(company: Path, ready: "Company", draws: int) -> tuple["Model", "Params", dict[str, "Params"]]:
    """(twin, parameters of what happens, parameters of forecasts by name).

    With a posterior beside the company the last draw is the truth and the others are what is known; without, the
    tables are both, and only luck is unknown.
    """
    import jax

    from scenarios import posterior
    from twin.assembly import assemble

    model, path = assemble(ready, {}), company / posterior.NAME
    if not path.exists():
        console.say("no posterior beside the company: forecasts know the parameters, and only luck is tried")
        return model, model.params, {PLUG_IN: model.params}
    model = posterior.adopt(model, path)
    others = jax.tree.map(lambda x: np.asarray(x)[:-1], model.params)
    posterior.need(replace(model, params=others), draws)
    mean = jax.tree.map(lambda x: x.mean(axis=0, keepdims=True), others)
    return model, jax.tree.map(lambda x: np.asarray(x)[-1:], model.params), {TWIN: others, PLUG_IN: mean}


def _plan(model: "Model", params: "Params", weeks: int, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Weekly measures as the first day expects them: the median of its futures."""
    from calibration.backtest.reality import WEEK, forecast

    futures = np.arange(draws, dtype=np.uint32)
    said = forecast(model, params, model.opening, 0, WEEK * weeks, futures, seed=seed)
    return {name: np.median(x, axis=0) for name, x in said.items()}


def _naive(model: "Model", params: "Params", until: "Reality") -> "Params":
    """The parameters of who takes sales for demand: mean sales so far, less what calendar and plan explain."""
    from twin.state import changed

    calendar, days = model.inputs["base"].days, len(until.sales)
    node, product = (np.asarray(x)[:days] for x in (calendar.demand_node, calendar.demand_product))
    exposure = np.einsum("dn,dp->np", node, product)
    known = np.asarray(params.demand_mean)
    mean = np.divide(until.sales.sum(axis=0), exposure, out=np.zeros(exposure.shape), where=exposure > 0)
    return changed(params, demand_mean=np.where(known > 0, mean, 0.0))


def _publish(
    folder: Path, title: str, table: "pd.DataFrame", actual: "Outcomes", forecasts: dict[str, "Draws"], seed: int
) -> None:
    """Figures, page, and the lines a terminal shows."""
    from calibration.backtest.judged import by_segment
    from calibration.backtest.page import SAID, page
    from calibration.backtest.scores import pit

    rng = np.random.default_rng(seed)
    first = next(iter(forecasts.values()))
    each = {name: pit(actual[name][:, 0], np.moveaxis(x, 1, 0)[:, :, 0], rng) for name, x in first.items()}
    names = [SAID[name] for name, pits in each.items() for _ in pits]
    segments = by_segment(np.concatenate(list(each.values())), names)
    table.to_csv(folder / FIGURES, index=False)
    page(folder / PAGE, title, actual, forecasts, table, segments, seed=seed)
    money = table[table["measure"].isin(["receipts", "payments", "cash"])]
    console.table(
        ["forecast", "of", "accuracy", "CRPS beside the plan's", "80 % range holds", "by chance alone"],
        [[row.forecaster, SAID[row.measure], f"{row.accuracy:.1%}", f"{1 - row.skill:.2f}", f"{row.covers_80:.0%}",
          f"{row.band_low:.0%} to {row.band_high:.0%}"] for row in money.itertuples()],
    )  # fmt: skip
    console.say(f"written: {folder / PAGE}, {folder / FIGURES}")
