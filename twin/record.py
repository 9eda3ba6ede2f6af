"""What a run keeps of the company: daily lines of money and service for every future, totals of every place.

A line is a sum of postings, so that every figure of a report ties to the ledger to the cent.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from twin.ledger import ACCOUNT, POSTINGS
from twin.state import Flows, State


class Record(NamedTuple):
    """What to keep, as functions (state at the close, flows of the day) -> pytree.

    series: by draw and day. totals: by draw, summed over days. pooled: by day, summed over draws. named: on the host,
    from the recorded series of a block of futures to the ones to keep.
    """

    series: Callable[[State, Flows], Any]
    totals: Callable[[State, Flows], Any]
    pooled: Callable[[State, Flows], Any]
    named: Callable[[Any], Any] = lambda series: series


def nothing(state: State, flows: Flows) -> tuple[()]:
    """Keep nothing."""
    return ()


# Lines of the cash-flow statement, by the names of the postings that move account 1000.
CASH_LINES = {
    "receipts": ("card settlement", "business collection"),
    "refunds": ("refund paid",),
    "suppliers": ("trade payables paid", "overdue paid"),
    "expenses": ("accruals paid",),
    "taxes": ("VAT paid", "income tax paid"),
    "interest": ("interest paid",),
    "capex": ("capital expenditure",),
    "dividends": ("dividends",),
    "equity": ("equity paid in",),
    "term_loan": ("term loan drawn", "term loan repaid"),
    "revolver": ("revolver drawn", "revolver repaid"),
}
OPERATING = ("receipts", "refunds", "suppliers", "expenses", "taxes", "interest")
INVESTING = ("capex",)
FINANCING = ("dividends", "equity", "term_loan", "revolver")

# Lines of the profit and loss account, by account; income positive, costs negative.
PROFIT_LINES = {
    "revenue": (4000, 4010, 4020),
    "cost_of_sales": (5000,),
    "stock_losses": (5010, 5020),
    "logistics": (5030, 5040, 5050, 5060),
    "operating_expenses": (6000, 6010, 6020, 6100),
    "finance_costs": (7000, 7010, 7020),
    "income_tax": (8000,),
}
# Flows that the ratios divide by: what was bought and what was sold, VAT included.
PURCHASES = ("titled goods", "titled goods from deposit", "delivered goods at a dc", "delivered goods at a store",
             "delivered goods at a dc from deposit", "delivered goods at a store from deposit", "input VAT",
             "input VAT from deposit", "inbound freight")  # fmt: skip
SALES = ("consumer sale", "consumer sale VAT", "business sale", "business sale VAT")


def _cash_weights() -> np.ndarray:
    """float64[line, entry]: what each posting adds to each cash line."""
    table = np.zeros((len(CASH_LINES), len(POSTINGS)))
    for i, names in enumerate(CASH_LINES.values()):
        for j, entry in enumerate(POSTINGS):
            if entry.name in names:
                table[i, j] = (entry.debit == 1000) - (entry.credit == 1000)
    return table


def profit_line_weights() -> np.ndarray:
    """float64[line, entry]: what each posting adds to profit, by line; the year close is no event."""
    table = np.zeros((len(PROFIT_LINES), len(POSTINGS)))
    for i, codes in enumerate(PROFIT_LINES.values()):
        for j, entry in enumerate(POSTINGS):
            if entry.rule != "P32":
                table[i, j] = (entry.credit in codes) - (entry.debit in codes)
    return table


def profit_weights() -> np.ndarray:
    """float64[entry]: what each posting adds to profit."""
    return profit_line_weights().sum(axis=0)


def _flow_weights() -> np.ndarray:
    return np.array([[float(entry.name in names) for entry in POSTINGS] for names in (PURCHASES, SALES)])


_WEIGHTS = np.concatenate([_cash_weights(), profit_line_weights(), _flow_weights()])
# Series that are balances: sign and accounts.
BALANCES = {
    "cash": (1, (1000,)),
    "revolver": (-1, (2400,)),
    "term_loan": (-1, (2500,)),
    "payables": (-1, (2000, 2010, 2050)),
    "receivables": (1, (1100, 1110)),
    "inventory": (1, (1200, 1210, 1220, 1230, 1290)),
}
LINES = (*(f"cash_{name}" for name in CASH_LINES), *PROFIT_LINES, "purchases", "gross_sales")


def company_series(state: State, flows: Flows) -> dict[str, Array]:
    """What a day leaves at company level: all balances and postings in cents, and what no account tells."""
    return {
        "balances": flows.balances,
        "amounts": flows.amounts,
        "headroom": flows.headroom,
        "limit": flows.limit,
        "overdue": jnp.sum(state.dues.overdue) + jnp.sum(state.dues.arrears),
        "interest": flows.interest,
        "rate": flows.rate,
        "refused": flows.refused,
        "lapsed": flows.lapsed,
        "covenant_value": flows.covenant_value,
        "default": state.ledger.default,
        "demand": jnp.sum(flows.demand),
        "met": jnp.sum(flows.met),
        "lost": jnp.sum(flows.lost),
        "capped": flows.capped,
    }


def named(series: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Recorded series as a reader knows them: lines of cash flow, profit and balance sheet. On the host, in cents."""
    found = dict(series)
    balances, amounts = found.pop("balances"), found.pop("amounts")
    lines = amounts @ _WEIGHTS.T
    for name, (sign, codes) in BALANCES.items():
        found[name] = sign * balances[..., [ACCOUNT[code] for code in codes]].sum(-1)
    found["equity"] = -balances[..., ACCOUNT[3000] : ACCOUNT[8000] + 1].sum(-1)
    return found | {name: lines[..., i] for i, name in enumerate(LINES)}


def place_totals(state: State, flows: Flows) -> dict[str, Array]:
    """Totals over the horizon by place; on_hand and backorders are sums of daily closes. Amounts by posting row."""
    return {
        "demand": flows.demand,
        "met": flows.met,
        "on_hand": state.goods.on_hand,
        "backorders": state.goods.backorders,
        "amounts": flows.amounts,
    }


def service_by_node(state: State, flows: Flows) -> dict[str, Array]:
    """Demand and what was met of it, by node and day, summed over futures."""
    return {"demand": jnp.sum(flows.demand, axis=1), "met": jnp.sum(flows.met, axis=1)}


COMPANY = Record(company_series, place_totals, service_by_node, named)
