"""What must hold at the end of a run: I-11 to I-15, in plain NumPy, apart from the compiled day."""

import numpy as np

from twin.ledger import ACCOUNT, CODES, POSTINGS
from twin.network import Days, Network
from twin.record import CASH_LINES, PROFIT_LINES
from twin.simulate import Run
from twin.state import State

AT_THE_END = {
    "I-11": "cash moved by what the cash-flow lines say, directly and indirectly",
    "I-12": "equity moved by profit, capital and dividends",
    "I-14": "interest recomputed from the recorded balances and rates in whole numbers",
    "I-15": "VAT: collected, offset, paid and carried; none of it in profit",
}


def at_the_end(n: Network, opening: State, days: Days, run: Run) -> dict[str, float]:
    """Residuals of a whole run recorded by `record.COMPANY`, in cents; plain NumPy, apart from the compiled day."""
    before, after = np.asarray(opening.ledger.balances), run.closing.ledger.balances
    change = {code: after[:, i] - before[i] for code, i in ACCOUNT.items()}
    amounts = run.totals["amounts"]
    by_row = {entry.name: amounts[:, i] for i, entry in enumerate(POSTINGS)}
    lines = {name: run.series[name].sum(-1) for name in (*PROFIT_LINES, *(f"cash_{name}" for name in CASH_LINES))}
    cash = sum(lines[f"cash_{name}"] for name in CASH_LINES)
    profit = sum(lines[name] for name in PROFIT_LINES)
    other = sum(change[code] for code in CODES if 1010 <= code < 3000)
    capital = by_row["equity paid in"] - by_row["dividends"]
    equity = -sum(change[code] for code in CODES if 3000 <= code <= 8000)
    output = by_row["consumer sale VAT"] + by_row["business sale VAT"] - by_row["refund VAT"]
    paid = by_row["input VAT"] + by_row["input VAT from deposit"]
    residuals = {
        "I-11": [change[1000] - cash, change[1000] - (profit + capital - other)],
        "I-12": [equity - profit - capital],
        "I-14": [interest_again(n, opening, days, run) - run.series["interest"]],
        "I-15": [
            change[2200] - (by_row["VAT offset"] + by_row["VAT paid"] - output),
            change[1400] - (paid - by_row["VAT offset"]),
        ],
    }
    return {name: float(max(np.abs(x).max() for x in found)) for name, found in residuals.items()}


def interest_again(n: Network, opening: State, days: Days, run: Run) -> np.ndarray:
    """(draw, day, facility) interest from yesterday's balances, half to even, in 64-bit whole numbers."""
    loans = np.stack([run.series["revolver"], run.series["term_loan"]], axis=-1)
    start = -np.asarray(opening.ledger.balances)[[ACCOUNT[2400], ACCOUNT[2500]]]
    balance = np.concatenate([np.broadcast_to(start, loans[:, :1].shape), loans[:, :-1]], axis=1).astype(np.int64)
    rate = (run.series["rate"] * np.asarray(days.interest_days)).astype(np.int64)
    year = (1_000_000 * np.asarray(n.basis)).astype(np.int64)
    # balance = a year + b: every product stays below 2^63
    a, b = np.divmod(balance, year)
    whole, rest = np.divmod(b * rate, year)
    whole = whole + a * rate
    return whole + (2 * rest > year) + ((2 * rest == year) & (whole % 2 == 1))
