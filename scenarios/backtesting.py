"""The command `tandem backtest`: forecasts from rolling origins beside what came. Imports late, as its neighbours."""

from dataclasses import replace
from datetime import date, timedelta
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

PAGE, FIGURES = "backtest.html", "backtest/figures.csv"  # a table beside the company's own would be read as one
LEARN = 28  # days before the first origin
TWIN, PLUG_IN, NAIVE, PLAN = "twin", "plug-in twin", "twin on sales as demand", "plan carried forward"


def backtest(
    company: Annotated[Path, typer.Argument(help="The company: its folder or its .xlsx workbook.", metavar="DIR")],
    draws: Annotated[int, typer.Option(help="Futures of each forecast.", min=20, max=100_000, metavar="N")] = 100,
    every: Annotated[int, typer.Option(help="Weeks from one origin to the next; not with --history.", min=1, max=52,
                                       metavar="N")] = 2,
    replay: Annotated[bool, typer.Option("--replay", help="Forecasts take the orders that were placed; else the twin "
                                         "orders for itself.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Judge fits by the company's own last weeks instead, "
                                          "hidden from them.")] = False,
    origins: Annotated[int, typer.Option(help="With --history: how many origins; each takes a fit.", min=1, max=52,
                                         metavar="N")] = 6,
    ahead: Annotated[int, typer.Option(help="With --history: weeks from each origin to the next.", min=1, max=13,
                                       metavar="N")] = 4,
    seed: Annotated[int, typer.Option(help="Same seed, same luck.", min=0, max=2**63 - 1, metavar="N")] = 0,
) -> None:  # fmt: skip
    """Forecast 13 weeks from rolling origins and score them; write backtest.html and backtest/figures.csv beside it.

    What counts as having happened is one course of the company's twin, on a posterior draw that no forecast is given:
    it tries the way from parameters to cash and the width of the ranges, not the fit to the company's books. Beside
    the twin stand the twin on the posterior's mean, the twin on sales taken for demand, and the plan of the first day.

    With --history it is the company's own books: from each origin a fit of what was known then foretells units sold
    (of the stock there was), takings and the arrival of what was on order; written to held_out.html and
    backtest/held_out.csv. Ranges that do not hold what they should end with exit code 6.
    """
    if history:
        from scenarios.holding_out import hold_out

        return hold_out(company, origins, ahead, seed)
    try:
        from calibration.backtest.judged import judge
        from calibration.backtest.origins import HORIZONS, TooShort, rolling_origins
        from calibration.backtest.reality import WEEK, live, weekly
        from calibration.backtest.run import LAST_YEAR
        from calibration.backtest.run import backtest as run
    except ModuleNotFoundError as error:
        raise Stop(EXIT.usage, f"{error.name} is missing: pip install 'tandem-twin[calibrate]'") from error

    ready = console.company(company)
    first, weeks = ready.settings.start, ready.settings.days // WEEK
    try:
        starts = rolling_origins(first, first + timedelta(weeks=weeks), LEARN, HORIZONS[-1], WEEK * every)
    except TooShort as error:
        raise Stop(EXIT.impossible, f"{company}: {error}; give the company more days, or a smaller --every") from error
    model, truth, said = _known(company, ready, draws)
    steps = iter(range(len(starts) + 2))
    with console.counting() as progress:
        progress("what happens", next(steps), len(starts) + 2)
        real = live(model, weeks, seed=seed, params=truth)
        progress("the plan of the first day", next(steps), len(starts) + 2)
        plan = _plan(model, said[PLUG_IN], weeks, draws, seed + 1)

        def learn(until: "Reality") -> dict[str, "Params"]:
            progress(f"forecasts from day {len(until.orders)}", next(steps), len(starts) + 2)
            return said | {NAIVE: _naive(model, said[PLUG_IN], until)}

        days = [(origin - first).days for origin in starts]
        actual, forecasts = run(
            model, real, learn, days, HORIZONS[-1] // WEEK, draws, replay=replay, plan=plan, seed=seed + 1
        )
    folder, note = company if company.is_dir() else company.parent, ""
    if LAST_YEAR not in forecasts:
        at, sold = [day // WEEK for day in days], weekly(real.series)["met"]
        units, note = _last_year(folder, first, sold, at, HORIZONS[-1] // WEEK)
        forecasts |= {LAST_YEAR: units} if units else {}
    if replay:
        note += (" Forecasts took the orders that were placed: an error in demand piles up in stock, where the plan "
                 "and an ordering twin answer it.")  # fmt: skip
    table = judge(actual, forecasts, naive=PLAN, seed=seed)
    _publish(folder, f"Back-test: {ready.settings.name}", table, actual, forecasts, note, seed)


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


def _last_year(
    folder: Path, first: date, course: np.ndarray, origins: list[int], ahead: int
) -> tuple["Draws", str]:  # fmt: skip
    """(units sold as in last year's same week, if the history has it, by measure; a sentence that says what it has).

    course: (week,) units sold from day `first` on, of which an origin knows the weeks before it.
    """
    from calibration.backtest.reality import WEEK
    from calibration.backtest.rivals import YEAR, seasonal

    before = _sold_by_week(folder, first, WEEK)
    if len(before) + origins[0] < YEAR:
        return {}, (f"Last year's same week is not among the forecasts: that rule needs {YEAR} weeks before the first "
                    f"origin, and the company's record has {len(before) + origins[0]}.")  # fmt: skip
    weeks = np.concatenate([before, course])
    return {"met": seasonal(weeks, [len(before) + origin for origin in origins], ahead)}, (
        f"Last year's same week is among the forecasts for units sold only, out of the {len(before)} weeks of the "
        "history: it holds no weekly cash, and the course that is forecast has not lasted a year."
    )


def _sold_by_week(folder: Path, first: date, week: int) -> np.ndarray:
    """(week,) units sold in the whole weeks of the history before a day; none where there is no history."""
    from calibration.history.load import load
    from twin.tables.faults import Faults

    if not (folder / "history").is_dir():
        return np.zeros(0)
    try:
        sales = load(folder, as_of=first).frames["sales"]
    except Faults as faults:
        console.warn(f"{folder / 'history'} is not read: tandem check {folder} names its {len(faults.faults)} faults")
        return np.zeros(0)
    by_day = sales.groupby("date")["units"].sum()
    whole = (first - by_day.index.min().date()).days // week * week
    days = np.datetime64(first, "D") - np.arange(whole, 0, -1)
    return np.asarray(by_day.reindex(days, fill_value=0.0), float).reshape(-1, week).sum(axis=1)


def _publish(
    folder: Path,
    title: str,
    table: "pd.DataFrame",
    actual: "Outcomes",
    forecasts: dict[str, "Draws"],
    note: str,
    seed: int,
) -> None:
    """Figures, page, and the lines a terminal shows."""
    from calibration.backtest.judged import by_segment, first_week
    from calibration.backtest.page import SAID, page

    each = first_week(actual, next(iter(forecasts.values())), seed)
    names = [SAID[name] for name, pits in each.items() for _ in pits]
    segments = by_segment(np.concatenate(list(each.values())), names)
    (folder / FIGURES).parent.mkdir(exist_ok=True)
    table.to_csv(folder / FIGURES, index=False)
    page(folder / PAGE, title, actual, forecasts, table, segments, note, seed=seed)
    money = table[table["measure"].isin(["receipts", "payments", "cash"])]
    console.table(
        ["forecast", "of", "accuracy", "CRPS beside the plan's", "80 % range holds", "by chance alone"],
        [[row.forecaster, SAID[row.measure], f"{row.accuracy:.1%}", f"{1 - row.skill:.2f}",
          "no range" if np.isnan(row.covers_80) else f"{row.covers_80:.0%}",
          f"{row.band_low:.0%} to {row.band_high:.0%}"] for row in money.itertuples()],
    )  # fmt: skip
    console.say(f"written: {folder / PAGE}, {folder / FIGURES}")
