"""What a planner asks of a policy: figures of every future, in exact mode. Formulas: LEDGER.md 6."""

import numpy as np

from twin import measures
from twin.ledger import ACCOUNT, ROW
from twin.record import BALANCES, PURCHASES, SALES, profit_weights
from twin.tune.outcomes import Outcome

CENTS = 100.0
# name: unit
FIGURES = {
    "profit": "money",
    "fill_rate": "",
    "stock": "money",
    "dio": "days",
    "dso": "days",
    "dpo": "days",
    "ccc": "days",
    "turns": "1/year",
    "working_capital": "money",
    "net_cash": "money",
    "lowest_headroom": "money",
}


def figures(batch: Outcome) -> dict[str, np.ndarray]:
    """(draw,) each. Money in currency units, averages over daily closes."""
    lines = {name: _line(batch, name) / CENTS for name in ("inventory", "receivables", "payables", "cash", "revolver")}
    days = lines["cash"].shape[1]
    flows = {"sales": _flow(batch, SALES), "purchases": _flow(batch, PURCHASES), "cost": _cost_of_sales(batch)}
    daily = {name: np.repeat(x[:, None] / (CENTS * days), days, axis=1) for name, x in flows.items()}
    dio = measures.days_inventory(lines["inventory"], daily["cost"])
    dso = measures.days_sales(lines["receivables"], daily["sales"])
    dpo = measures.days_payables(lines["payables"], daily["purchases"])
    working = lines["inventory"] + lines["receivables"] - lines["payables"]
    return {
        "profit": batch["amounts"] @ profit_weights() / CENTS,
        "fill_rate": measures.ratio(batch["met"].sum((1, 2)), batch["demand"].sum((1, 2))),
        "stock": lines["inventory"].mean(1),
        "dio": dio,
        "dso": dso,
        "dpo": dpo,
        "ccc": measures.cash_conversion_cycle(dio, dso, dpo),
        "turns": measures.turns(dio),
        "working_capital": working.mean(1),
        "net_cash": (lines["cash"] - lines["revolver"]).mean(1),
        "lowest_headroom": batch["headroom"].min(1) / CENTS,
    }


def _line(batch: Outcome, name: str) -> np.ndarray:
    """(draw, day) a line of the balance sheet, positive."""
    sign, codes = BALANCES[name]
    return np.asarray(sign * batch["balances"][:, :, [ACCOUNT[code] for code in codes]].sum(-1))


def _flow(batch: Outcome, names: tuple[str, ...]) -> np.ndarray:
    return np.asarray(batch["amounts"][:, [ROW[name] for name in names]].sum(-1))


def _cost_of_sales(batch: Outcome) -> np.ndarray:
    """(draw,) cents on account 5000, which the year close does not touch in a horizon's postings."""
    return _flow(batch, ("cost of sales, dc", "cost of sales, store"))
