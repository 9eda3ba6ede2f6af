"""A run as an xarray.Dataset: named dimensions, units and long names in attributes, money in currency units."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import xarray as xr

from twin import measures
from twin.assembly import Model
from twin.invariants import DAILY
from twin.ledger import POSTINGS
from twin.record import CASH_LINES, PROFIT_LINES
from twin.simulate import Run

# Daily series: (unit, long name). Units of money are the company's currency.
MONEY, UNITS = "currency", "unit"
SERIES = {
    "cash": (MONEY, "cash at the close"),
    "headroom": (MONEY, "cash and undrawn line at the close"),
    "limit": (MONEY, "limit of the line: commitment or borrowing base"),
    "revolver": (MONEY, "revolver drawn"),
    "term_loan": (MONEY, "term loan"),
    "overdue": (MONEY, "unpaid bills and arrears"),
    "payables": (MONEY, "trade payables, overdue included"),
    "receivables": (MONEY, "receivables"),
    "inventory": (MONEY, "inventory at cost less write-downs, goods in transit included"),
    "equity": (MONEY, "equity"),
    "refused": (MONEY, "orders refused for want of money, at cost net of VAT"),
    "lapsed": (MONEY, "planned capital expenditure and dividends not paid"),
    "demand": (UNITS, "demand"),
    "met": (UNITS, "demand met from stock"),
    "lost": (UNITS, "demand lost"),
    "default": ("bool", "in default"),
    "capped": ("shipment", "dispatches whose lead time was cut to the lane's maximum"),
    "purchases": (MONEY, "purchases, VAT included"),
    "gross_sales": (MONEY, "sales, VAT included"),
    **{f"cash_{name}": (MONEY, f"cash flow: {name.replace('_', ' ')}") for name in CASH_LINES},
    **{name: (MONEY, f"profit and loss: {name.replace('_', ' ')}") for name in PROFIT_LINES},
}
# One number per future: (unit, long name).
PER_DRAW = {
    "survives": ("bool", "no default within the horizon"),
    "default_day": ("day", "day of default, -1 if none"),
    "lowest_cash": (MONEY, "lowest cash at any close"),
    "lowest_cash_day": ("day", "day of the lowest cash"),
    "lowest_headroom": (MONEY, "lowest cash and undrawn line at any close"),
    "lowest_headroom_day": ("day", "day of the lowest headroom"),
    "first_overdue_day": ("day", "first day with unpaid dues, -1 if none"),
    "late_day": ("day", "day on which dues have been unpaid for longer than the grace period, -1 if none"),
    "first_refused_day": ("day", "first day with a refused order, -1 if none"),
    "covenant": ("index", "first covenant breached on a test day, -1 if none"),
    "covenant_day": ("day", "day of that breach, -1 if none"),
    "fill_rate": ("fraction", "demand met from stock / demand, in units"),
    "lowest_service": ("fraction", "lowest fill rate of any week"),
    "lowest_service_week": ("week", "week of the lowest fill rate"),
    "dio": ("day", "days inventory outstanding"),
    "dso": ("day", "days sales outstanding"),
    "dpo": ("day", "days payables outstanding"),
    "ccc": ("day", "cash conversion cycle"),
    "turns": ("1/year", "inventory turns"),
    "revenue_total": (MONEY, "revenue over the horizon"),
    "gross_profit": (MONEY, "revenue less cost of sales"),
    "net_profit": (MONEY, "profit after tax"),
    "final_cash": (MONEY, "cash on the last day"),
    "peak_revolver": (MONEY, "highest revolver balance"),
    "refused_total": (MONEY, "orders refused over the horizon, at cost net of VAT"),
}


def per_draw(model: Model, run: Run) -> dict[str, np.ndarray]:
    """The measures of `PER_DRAW`, money in currency units."""
    s = {name: run.series[name] / 100 if SERIES[name][0] == MONEY else run.series[name] for name in SERIES}
    cash, cash_day = measures.lowest(s["cash"])
    headroom, headroom_day = measures.lowest(s["headroom"])
    service, service_week = measures.lowest_weekly_service(s["met"], s["demand"])
    tested = np.asarray(model.inputs["base"].days.covenant_day) > 0
    values = run.series["covenant_value"]
    covenant, covenant_day = measures.first_breach(values, np.asarray(model.network.threshold), tested)
    sold = -s["cost_of_sales"]
    dio, dso = measures.days_inventory(s["inventory"], sold), measures.days_sales(s["receivables"], s["gross_sales"])
    dpo = measures.days_payables(s["payables"], s["purchases"])
    profit = sum(s[name] for name in PROFIT_LINES)
    grace = model.company.settings.grace_days
    return {
        "survives": ~s["default"].any(-1),
        "default_day": measures.first_run(s["default"], 0),
        "lowest_cash": cash,
        "lowest_cash_day": cash_day,
        "lowest_headroom": headroom,
        "lowest_headroom_day": headroom_day,
        "first_overdue_day": measures.first_run(s["overdue"] > 0, 0),
        "late_day": measures.first_run(s["overdue"] > 0, np.inf if grace is None else float(grace)),
        "first_refused_day": measures.first_run(s["refused"] > 0, 0),
        "covenant": covenant,
        "covenant_day": covenant_day,
        "fill_rate": measures.fill_rate(s["met"], s["demand"]),
        "lowest_service": service,
        "lowest_service_week": service_week,
        "dio": dio,
        "dso": dso,
        "dpo": dpo,
        "ccc": measures.cash_conversion_cycle(dio, dso, dpo),
        "turns": measures.turns(dio),
        "revenue_total": s["revenue"].sum(-1),
        "gross_profit": s["revenue"].sum(-1) + s["cost_of_sales"].sum(-1),
        "net_profit": profit.sum(-1),
        "final_cash": s["cash"][..., -1],
        "peak_revolver": s["revolver"].max(-1),
        "refused_total": s["refused"].sum(-1),
    }


def dataset(model: Model, runs: dict[str, Run]) -> xr.Dataset:
    """Runs of several scenarios with the same draws as one dataset (scenario, draw, day, node, product, ...)."""
    first = next(iter(runs.values()))
    s, settings = model.structure, model.company.settings
    data: dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]] = {}

    def put(name: str, dims: tuple[str, ...], arrays: list[np.ndarray], unit: str, about: str) -> None:
        unit = settings.currency if unit == MONEY else unit
        data[name] = (("scenario", *dims), np.stack(arrays), {"units": unit, "long_name": about})

    for name, (unit, about) in SERIES.items():
        scale = 100 if unit == MONEY else 1
        series = [run.series[name] / scale if scale > 1 else run.series[name] for run in runs.values()]
        put(name, ("draw", "day"), series,
            unit, about)  # fmt: skip
    figures = [per_draw(model, run) for run in runs.values()]
    for name, (unit, about) in PER_DRAW.items():
        put(name, ("draw",), [f[name] for f in figures], unit, about)
    values = [run.series["covenant_value"] / 100 for run in runs.values()]
    put("covenant_value", ("draw", "day", "covenant_name"), values, MONEY, "measured value of each covenant")
    tested = np.asarray(model.inputs["base"].days.covenant_day) > 0
    put("covenant_tested", ("day", "covenant_name"), [tested for _ in runs], "bool", "test days of each covenant")
    for name, about in (("demand", "demand"), ("met", "demand met from stock")):
        put(
            f"node_{name}", ("day", "node"), [run.pooled[name] for run in runs.values()], UNITS, f"{about}, all futures"
        )
        totals = [run.totals[name].mean(axis=0) for run in runs.values()]
        put(f"place_{name}", ("node", "product"), totals, UNITS, f"{about} over the horizon, mean of futures")
    days = first.series["cash"].shape[1]
    stock = [run.totals["on_hand"].mean(axis=0) / days for run in runs.values()]
    put("place_stock", ("node", "product"), stock, UNITS, "mean stock on hand at the close")
    amounts = [run.totals["amounts"] / 100 for run in runs.values()]
    put("posted", ("draw", "entry"), amounts, MONEY, "postings over the horizon")
    worst = [run.residuals for run in runs.values()]
    put("residual", ("draw", "invariant"), worst, "cent or unit", "worst day of each invariant")
    spare = ["none"] * (values[0].shape[-1] - len(model.company.covenants))
    coords = {
        "scenario": labels(runs),
        "draw": first.draws,
        "day": np.arange(days),
        "date": ("day", pd.to_datetime(model.calendar.dates)),
        "node": labels(s.nodes),
        "product": labels(s.products),
        "entry": labels(entry.name for entry in POSTINGS),
        "invariant": labels(DAILY),
        "covenant_name": labels([row.covenant for row in model.company.covenants] + spare),
    }
    return xr.Dataset(data, coords, {"company": settings.name, "currency": settings.currency})


def labels(names: Iterable[str]) -> np.ndarray:
    """Names as a coordinate of strings of any length."""
    return np.array(list(names), object)
