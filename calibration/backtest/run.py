"""The back-test of a twin: from every origin, what it would have said, beside what happened and what rivals said."""

from collections.abc import Callable, Sequence

import numpy as np

from calibration.backtest.judged import Draws, Outcomes
from calibration.backtest.reality import MEASURES, WEEK, Reality, forecast, weekly
from calibration.backtest.rivals import YEAR, plan_forward, seasonal
from twin.assembly import Model
from twin.engines import Engine, xla
from twin.exogenous import Params

LAST_YEAR = "last year's week"
# The record up to a day, cut before it is handed over -> parameters by forecaster, e.g. twin, plug-in, naive demand.
Learn = Callable[[Reality], dict[str, Params]]


def known(real: Reality, day: int) -> Reality:
    """The record as it stood at the opening of a day: nothing later is in it, so nothing later can be learned."""
    return Reality(
        {name: x[:day] for name, x in real.series.items()},
        {at: state for at, state in real.states.items() if at <= day},
        real.orders[:day],
        real.sales[:day],
        real.demand[:day],
    )


def backtest(
    model: Model,
    real: Reality,
    learn: Learn,
    origins: Sequence[int],
    weeks: int,
    draws: int,
    *,
    replay: bool,
    plan: dict[str, np.ndarray] | None = None,
    seed: int = 1,
    engine: Engine = xla,
) -> tuple[Outcomes, dict[str, Draws]]:
    """(what happened (origin, week), forecasts by name (origin, draw, week)), measures of `reality.MEASURES`.

    origins: days that begin a week of the record. replay: the orders that were placed; otherwise the twin orders for
    itself. plan: weekly measures of the plan made before the first day, carried forward. Last year's same week joins
    the rivals where every origin has a year before it.
    """
    history = weekly(real.series)
    actual = {
        name: np.stack([history[name][day // WEEK : day // WEEK + weeks] for day in origins]) for name in MEASURES
    }
    said: dict[str, list[dict[str, np.ndarray]]] = {}
    for day in origins:
        for name, params in learn(known(real, day)).items():
            orders = real.orders[day : day + WEEK * weeks] if replay else None
            said.setdefault(name, []).append(
                forecast(model, params, real.states[day], day, WEEK * weeks, np.arange(draws, dtype=np.uint32),
                         orders=orders, seed=seed, engine=engine)
            )  # fmt: skip
    forecasts = {name: {m: np.stack([one[m] for one in each]) for m in MEASURES} for name, each in said.items()}
    if plan is not None:
        forecasts["plan carried forward"] = {
            name: np.stack([plan_forward(x, day // WEEK, weeks)[None] for day in origins]) for name, x in plan.items()
        }
    if min(origins) // WEEK > YEAR:
        at = [day // WEEK for day in origins]
        forecasts[LAST_YEAR] = {name: seasonal(history[name], at, weeks) for name in MEASURES}
    return actual, forecasts
