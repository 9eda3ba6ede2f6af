"""`tandem backtest --history`: fits of the past judged by the company's own weeks after it. Imports late."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios import console
from scenarios.calibrating import STEPS, history_of
from scenarios.console import EXIT, Stop

if TYPE_CHECKING:
    from calibration.backtest.held_out import Told
    from calibration.panel import Panel
    from twin.assembly.structure import LaneId

PAGE, FIGURES = "held_out.html", "backtest/held_out.csv"
FIT, DRAWS = "fit", 1000
LEARN = 91  # days that must lie before the first origin


def hold_out(company: Path, number: int, ahead: int, seed: int) -> None:
    """Fits from `number` origins, each foretelling the `ahead` weeks to the next; the last ends with the history.

    So every hidden day is judged once.

    Raises Stop: usage without a history, impossible where it is too short, gate where ranges do not hold.
    """
    try:
        from calibration.backtest import held_out
        from calibration.inference.laplace import NoMode
    except ModuleNotFoundError as error:
        raise Stop(EXIT.usage, f"{error.name} is missing: pip install 'tandem-twin[calibrate]'") from error
    from calibration.report.history import WEEK

    if not (company / "history").is_dir():
        raise Stop(EXIT.usage, f"{company}/history: no such folder; its own weeks are read from the history of sales")
    ready = console.company(company)
    record, whole = history_of(company, ready, ready.settings.start)
    places = [len(whole.days) - WEEK * ahead * back for back in range(number, 0, -1)]
    if places[0] < LEARN:
        raise Stop(EXIT.impossible, f"{company}: {len(whole.days)} days of history; {number} origins of "
                   f"{ahead} weeks, with {LEARN} days before the first, need {LEARN + WEEK * ahead * number}: "
                   "fewer --origins")  # fmt: skip
    how: dict[str, Any] = {"engine": "laplace", "draws": DRAWS, "steps": STEPS, "seed": seed}
    told: list[Told] = []
    families: dict[LaneId, int] = {}
    with console.counting() as progress:
        for n, place in enumerate(places):
            day = whole.days[place].astype(object)
            progress(f"fit as of {day}", n, number)
            known, then = history_of(company, ready, day)
            try:
                one = held_out.sales(held_out.until(whole, place + WEEK * ahead), then, how)
                orders = known.frames.get("purchase_orders")
                if orders is not None and len(orders):
                    families = families or held_out.families_known(orders, day, how)
                    one = held_out.with_arrivals(one, orders, record.frames["purchase_orders"], day, families, how)
            except NoMode as error:
                raise Stop(EXIT.gate, f"fit as of {day}: {error}") from error
            told.append(one)
    _judged(company, ready.settings.name, whole, places, told, seed)


def _judged(company: Path, name: str, whole: "Panel", places: list[int], told: "list[Told]", seed: int) -> None:
    """Figures, page, and the lines a terminal shows. Raises Stop where ranges do not hold."""
    from calibration.backtest import held_out
    from calibration.backtest.held_out_page import page
    from calibration.backtest.judged import judge
    from calibration.backtest.page import SAID
    from calibration.report.history import by_segment, pits

    actual, said = held_out.together(told)
    forecasts = {FIT: said} | held_out.rivals(whole, places, len(actual["met"][0]))
    table = judge(actual, forecasts, naive=held_out.LAST_WEEKS, seed=seed)
    hidden, origins = held_out.cells(told), [whole.days[place] for place in places]
    pit = pits(hidden, np.random.default_rng([seed, 4]))
    verdict = held_out.gates(pit)
    (company / FIGURES).parent.mkdir(exist_ok=True)
    table.to_csv(company / FIGURES, index=False)
    page(company / PAGE, f"Held-out weeks: {name}", origins, actual, forecasts, table, pit, by_segment(hidden, pit),
         verdict, _words(origins, told))  # fmt: skip
    console.table(
        ["forecast", "of", "accuracy", "CRPS beside the last weeks'"],
        [[row.forecaster, SAID[row.measure], f"{row.accuracy:.1%}",
          "no such rule" if np.isnan(row.skill) else f"{1 - row.skill:.2f}"] for row in table.itertuples()],
    )  # fmt: skip
    console.table(
        ["range", "points off", "limit", ""],
        [[gate.name, f"{100 * gate.figure:.1f}", f"{100 * gate.limit:.1f}", "passed" if gate.passed else "FAILED"]
         for gate in verdict],
    )  # fmt: skip
    console.say(f"written: {company / PAGE}, {company / FIGURES}")
    if wrong := [gate for gate in verdict if not gate.passed]:
        raise Stop(EXIT.gate, "the ranges of this company's fits do not hold what they should: " + "; ".join(
            f"{gate.name} {gate.figure:.1%} (at most {gate.limit:.1%}), {gate.remedy}" for gate in wrong))  # fmt: skip


def _words(origins: list[np.datetime64], told: "list[Told]") -> str:
    """What was fitted, what was hidden, and which fits failed gates of their own."""
    from calibration.inference.gates import table

    failed = [f"{gate.name} as of {origin}" for origin, one in zip(origins, told, strict=True)
              for gate in table(one.tree) if not gate.passed]  # fmt: skip
    return (
        f"{len(told)} fits, each of what was known on its morning, from {origins[0]} on; the "
        f"{len(told[0].actual['met'])} weeks after each were hidden from it. "
        + (f"Failed gates of the fits: {'; '.join(failed)}." if failed else "Every fit passed its own gates.")
    )
