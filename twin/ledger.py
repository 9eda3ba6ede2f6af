"""The money: chart of accounts, posting table, balanced postings, moving-average cost, interest, sweep, base.

One signed number per account, debit positive. A row of the posting table has one debit and one credit account, so an
entry balances by construction; rows are an argument of the programme, not code.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels.ratio import Arithmetic

ACCOUNTS = {
    1000: "Cash",
    1010: "Restricted cash",
    1100: "Receivables, card and wallet",
    1110: "Receivables, business customers",
    1119: "Allowance for doubtful accounts",
    1150: "Supplier rebates receivable",
    1200: "Inventory, distribution centres",
    1210: "Inventory, stores",
    1220: "Goods in transit, inbound",
    1230: "Goods in transit, internal",
    1240: "Returns to be inspected",
    1290: "Inventory write-down allowance",
    1300: "Supplier deposits",
    1310: "Prepaid expenses",
    1400: "Input VAT recoverable",
    1500: "Property",
    2000: "Trade payables",
    2010: "Trade payables overdue",
    2050: "Payables financed by a bank",
    2100: "Accrued expenses",
    2110: "Goods received, not invoiced",
    2150: "Refunds payable",
    2160: "Gift cards and customer deposits",
    2200: "Output VAT payable",
    2210: "Income tax payable",
    2300: "Accrued interest",
    2400: "Revolver",
    2500: "Term loan",
    3000: "Share capital",
    3100: "Retained earnings",
    3200: "Dividends",
    4000: "Revenue, consumers",
    4010: "Revenue, business customers",
    4020: "Returns and allowances",
    4100: "Supplier rebates",
    5000: "Cost of goods sold",
    5010: "Write-downs",
    5020: "Shrink, spoilage and expiry",
    5030: "Outbound and internal freight",
    5040: "Storage and handling",
    5050: "Ordering and receiving",
    5060: "Service penalties",
    6000: "Operating expenses",
    6010: "Card fees",
    6020: "Bad debt",
    6100: "Depreciation",
    7000: "Interest expense",
    7010: "Interest income",
    7020: "Commitment fees and late-payment penalties",
    8000: "Income tax",
    9999: "Suspense",
}
CODES = tuple(ACCOUNTS)
PROFIT_AND_LOSS = tuple(code for code in CODES if 4000 <= code <= 8000)
BEFORE_TAX = tuple(code for code in PROFIT_AND_LOSS if code < 8000)


class Entry(NamedTuple):
    """One row of the posting table: the event's name, its two accounts, and where it stands in the specification."""

    name: str
    debit: int
    credit: int
    rule: str


POSTINGS = (
    Entry("deposit", 1300, 2000, "P1"),
    Entry("titled goods", 1220, 2000, "P2"),
    Entry("titled goods from deposit", 1220, 1300, "P2"),
    Entry("input VAT", 1400, 2000, "P2"),
    Entry("input VAT from deposit", 1400, 1300, "P2"),
    Entry("inbound freight", 1220, 2100, "P3"),
    Entry("titled goods arrive at a dc", 1200, 1220, "P4"),
    Entry("titled goods arrive at a store", 1210, 1220, "P4"),
    Entry("delivered goods at a dc", 1200, 2000, "P5"),
    Entry("delivered goods at a store", 1210, 2000, "P5"),
    Entry("delivered goods at a dc from deposit", 1200, 1300, "P5"),
    Entry("delivered goods at a store from deposit", 1210, 1300, "P5"),
    Entry("loss in transit", 5020, 1220, "P6"),
    Entry("transfer out of a dc", 1230, 1200, "P7"),
    Entry("transfer out of a store", 1230, 1210, "P7"),
    Entry("transfer into a dc", 1200, 1230, "P7"),
    Entry("transfer into a store", 1210, 1230, "P7"),
    Entry("consumer sale", 1100, 4000, "P8"),
    Entry("consumer sale VAT", 1100, 2200, "P8"),
    Entry("business sale", 1110, 4010, "P9"),
    Entry("business sale VAT", 1110, 2200, "P9"),
    Entry("cost of sales, dc", 5000, 1200, "P10"),
    Entry("cost of sales, store", 5000, 1210, "P10"),
    Entry("consignment cost", 5000, 2000, "P11"),
    Entry("card settlement", 1000, 1100, "P12"),
    Entry("card fee", 6010, 1100, "P12"),
    Entry("refund", 4020, 2150, "P13"),
    Entry("refund VAT", 2200, 2150, "P13"),
    Entry("refund paid", 2150, 1000, "P13"),
    Entry("returned goods, dc", 1200, 5000, "P13"),
    Entry("returned goods, store", 1210, 5000, "P13"),
    Entry("business collection", 1000, 1110, "P14"),
    Entry("business collection fee", 6010, 1110, "P14"),
    Entry("write-off of business receivables", 6020, 1110, "P14"),
    Entry("write-off of card receivables", 6020, 1100, "P14"),
    Entry("write-off against allowance", 1119, 1110, "P14"),
    Entry("expected credit loss", 6020, 1119, "P15"),
    Entry("trade payables paid", 2000, 1000, "P16"),
    Entry("early discount on stock, dc", 2000, 1200, "P17"),
    Entry("early discount on stock, store", 2000, 1210, "P17"),
    Entry("early discount on goods sold", 2000, 5000, "P17"),
    Entry("early discount VAT", 2000, 1400, "P17"),
    Entry("assignment to a bank", 2000, 2050, "P18"),
    Entry("financed payables repaid", 2050, 1000, "P19"),
    Entry("trade payables stretched", 2000, 2010, "P20"),
    Entry("late-payment penalty", 7020, 2010, "P20"),
    Entry("overdue paid", 2010, 1000, "P20"),
    Entry("service penalty", 5060, 2100, "P20"),
    Entry("shrink, dc", 5020, 1200, "P21"),
    Entry("shrink, store", 5020, 1210, "P21"),
    Entry("storage", 5040, 2100, "P22"),
    Entry("operating expense", 6000, 2100, "P22"),
    Entry("internal freight", 5030, 2100, "P22"),
    Entry("accruals paid", 2100, 1000, "P22"),
    Entry("order cost", 5050, 2100, "P23"),
    Entry("write-down", 5010, 1290, "P24"),
    Entry("write-down reversed or released", 1290, 5010, "P24"),
    Entry("write-down released by sales", 1290, 5000, "P25"),
    Entry("revolver drawn", 1000, 2400, "P26"),
    Entry("revolver repaid", 2400, 1000, "P26"),
    Entry("interest", 7000, 2300, "P27"),
    Entry("interest paid", 2300, 1000, "P27"),
    Entry("commitment fee", 7020, 2300, "P28"),
    Entry("VAT offset", 2200, 1400, "P29"),
    Entry("VAT paid", 2200, 1000, "P29"),
    Entry("income tax", 8000, 2210, "P30"),
    Entry("income tax paid", 2210, 1000, "P30"),
    Entry("buyback claim on stock, dc", 1150, 1200, "P31"),
    Entry("buyback claim on stock, store", 1150, 1210, "P31"),
    Entry("buyback below cost", 5000, 1150, "P31"),
    Entry("buyback settled", 1000, 1150, "P31"),
    Entry("rebate claim", 1150, 4100, "P31"),
    *(Entry(f"close {code}", code, 3100, "P32") for code in PROFIT_AND_LOSS),
    Entry("equity paid in", 1000, 3000, "capital"),
    Entry("term loan drawn", 1000, 2500, "capital"),
    Entry("term loan repaid", 2500, 1000, "capital"),
    Entry("dividends", 3200, 1000, "capital"),
    Entry("capital expenditure", 1500, 1000, "capital"),
    Entry("depreciation", 6100, 1500, "capital"),
    Entry("interest income", 1000, 7010, "capital"),
)
ROW = {entry.name: index for index, entry in enumerate(POSTINGS)}
ACCOUNT = {code: index for index, code in enumerate(CODES)}


def posting_table() -> np.ndarray:
    """float64[entry, account]: +1 in the debit column and -1 in the credit column of each row."""
    table = np.zeros((len(POSTINGS), len(CODES)))
    for row, entry in enumerate(POSTINGS):
        table[row, ACCOUNT[entry.debit]] += 1.0
        table[row, ACCOUNT[entry.credit]] -= 1.0
    return table


def post(balances: Array, amounts: Array, table: Array) -> Array:
    """balances + amounts @ table. balances: (account,) cents; amounts: (entry,) cents; table: (entry, account).

    Raises TypeError where money is not float64: the caller runs inside `jax.enable_x64(True)`.
    """
    if balances.dtype != jnp.float64 or amounts.dtype != jnp.float64:
        raise TypeError(
            f"R003 money needs 64-bit numbers, found {balances.dtype} and {amounts.dtype}: "
            "run inside 'with jax.enable_x64(True):' (simulate and the command line do)"
        )
    return balances + jnp.matmul(amounts, table, precision="highest")


def balance(balances: Array, code: int) -> Array:
    """The balance of one account, debit positive."""
    return balances[ACCOUNT[code]]


def profit(posted: dict[str, Array], codes: tuple[int, ...]) -> Array:
    """What the postings of a day add to profit on some accounts (credit less debit), cents."""
    total = jnp.zeros((), jnp.float64)
    for name, amount in posted.items():
        entry = POSTINGS[ROW[name]]
        sign = (entry.credit in codes) - (entry.debit in codes)
        total = total + sign * amount if sign else total
    return total


def part(value: Array, units: Array, of: Array, arithmetic: Arithmetic) -> Array:
    """The value that `units` of `of` units carry at the moving average; all of it with the last unit.

    So stock of 0 never carries value, and a sum of parts never exceeds the whole (LEDGER.md 2, costing).
    """
    return jnp.where(units == of, value, arithmetic.scale_even(value, units, of))


def priced(units: Array, price: Array, arithmetic: Arithmetic) -> Array:
    """Cents for whole units at a price in 1/10,000 of a currency unit."""
    return arithmetic.ratio_even(units * price, 100.0)


def share(amount: Array, ppm: Array, arithmetic: Arithmetic) -> Array:
    """A share in ppm of an amount in cents."""
    return arithmetic.scale_even(amount, ppm, 1e6)


def interest(balances: Array, rates: Array, days: Array, basis: Array, arithmetic: Arithmetic) -> Array:
    """Simple interest of one day on opening balances: balance x rate x days / (10^6 x basis), rates in ppm a year."""
    return arithmetic.mul_div_even(balances, rates * days, 1e6 * basis)


class Sweep(NamedTuple):
    """What the revolver did: drawn, repaid (both >= 0, never both unless over-advance is cured), cents."""

    drawn: Array
    repaid: Array


def sweep(cash: Array, revolver: Array, limit: Array, availability: Array, minimum: Array) -> Sweep:
    """Cure the over-advance, then restore minimum cash from the line or repay it (LEDGER.md 4)."""
    must = jnp.minimum(jnp.maximum(revolver - limit, 0.0), jnp.maximum(cash, 0.0))
    drawn = jnp.minimum(jnp.maximum(minimum - (cash - must), 0.0), availability)
    may = jnp.minimum(revolver - must, jnp.maximum(cash - must - minimum, 0.0))
    return Sweep(drawn, must + may)


def availability(limit: Array, revolver: Array, default: Array) -> Array:
    """The undrawn line: nothing in over-advance or in default."""
    return jnp.where(default, 0.0, jnp.maximum(limit - revolver, 0.0))


def borrowing_base(
    receivables: Array, advance: Array, stock: Array, rate: Array, reserves: Array, arithmetic: Arithmetic
) -> Array:
    """receivables, advance: (channel,); stock, rate: (product,); cents and ppm. Never below 0 (LEDGER.md 4)."""
    lent = jnp.sum(share(receivables, advance, arithmetic)) + jnp.sum(share(stock, rate, arithmetic))
    return jnp.maximum(lent - reserves, 0.0)


def equity(balances: Array) -> Array:
    """Assets less liabilities at the close, cents: the credit balance of 3000-8000."""
    return -jnp.sum(balances[jnp.asarray([i for i, code in enumerate(CODES) if 3000 <= code <= 8000])])
