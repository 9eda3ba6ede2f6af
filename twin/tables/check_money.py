"""Money terms of a company: receivables, facilities, covenants, default rule, planned items."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from twin.tables.check_opening import balances, money
from twin.tables.company import Company
from twin.tables.faults import Finding
from twin.tables.rows import Facility
from twin.tables.values import LONGEST_TERM, text

HORIZON_MOST = 3660
_TERMS = ("accrual_days", "vat_lag", "tax_lag", "grace_days", "cure_days", "gate_days")


def setting_row(company: Company, name: str) -> int | None:
    """The row of a setting in the company table, if it is given."""
    given = [row.setting for row in company.table("company")]
    return given.index(name) if name in given else None


def _setting(company: Company, code: str, name: str, message: str, severity: str = "E") -> Finding:
    return Finding(
        code,
        "company",
        setting_row(company, name),
        "value",
        text(getattr(company.settings, name)) or "none",
        f"{name}: {message}",
        severity,
    )


def settings(company: Company) -> Iterator[Finding]:
    given = company.settings
    if given.days > HORIZON_MOST:
        yield _setting(company, "S013", "days", f"horizon {given.days} days: need 1..{HORIZON_MOST}")
    for name in _TERMS:
        if (getattr(given, name) or 0) > LONGEST_TERM:
            yield _setting(company, "M005", name, f"exceeds the longest term of {LONGEST_TERM} days")
    if not re.fullmatch("[A-Z]{3}", given.currency):
        yield _setting(company, "M011", "currency", "write the three letters of one currency, e.g. CNY")
    if given.tax_rate * 2 > 1:
        yield _setting(company, "M013", "tax_rate", "is unusually high (typical 0-0.35); is that meant?", "W")
    if given.grace_days is None and not given.balance_sheet_test and given.cure_days is None:
        yield _setting(
            company,
            "M016",
            "grace_days",
            "cash may run out and no default rule is given; give grace_days "
            "(cash flow), balance_sheet_test: yes, or cure_days (covenant)",
        )
    if given.cure_days is not None and not company.covenants:
        yield _setting(
            company,
            "M014",
            "cure_days",
            "counts breaches, but there are no covenants; give the table covenants or leave it empty",
        )


def receivables(company: Company) -> Iterator[Finding]:
    legs: dict[str, list[int]] = defaultdict(list)
    for row, leg in enumerate(company.receivables):
        legs[leg.channel].append(row)
        if leg.fee * 10 > 1:
            yield Finding(
                "M013",
                "receivables",
                row,
                "fee",
                text(leg.fee),
                "is unusually high (typical 0-0.03); is that meant?",
                "W",
            )
    for channel, rows in legs.items():
        first, last = company.receivables[rows[0]], rows[-1]
        total = sum(company.receivables[row].share for row in rows)
        if total != 1:
            short = f"; the missing {text(1 - total)}: name it as a row with bad: yes" if total < 1 else ""
            yield Finding(
                "M010",
                "receivables",
                last,
                "share",
                text(company.receivables[last].share),
                f"the shares of channel {channel} add to {text(total)}, they must add to 1{short}",
            )
        for row in rows:
            for column in ("kind", "fee", "advance"):
                mine, theirs = getattr(company.receivables[row], column), getattr(first, column)
                if mine != theirs:
                    yield Finding(
                        "M010",
                        "receivables",
                        row,
                        column,
                        text(mine),
                        f"{column} must be the same in all legs of channel {channel}: {text(theirs)}?",
                        other=rows[0],
                    )


def facilities(company: Company) -> Iterator[Finding]:
    given = {row.facility: (place, row) for place, row in enumerate(company.facilities)}
    found = balances(company)
    for row, facility in enumerate(company.facilities):
        for column, usual in (("rate", "0-0.3"), ("fee", "0-0.02")):
            value = getattr(facility, column)
            if value > (Decimal("0.5") if column == "rate" else Decimal("0.1")):
                yield Finding(
                    "M013",
                    "facilities",
                    row,
                    column,
                    text(value),
                    f"is unusually high (typical {usual}); is that meant?",
                    "W",
                )
        if facility.facility == "term_loan" and facility.limit:
            yield Finding(
                "M013",
                "facilities",
                row,
                "limit",
                text(facility.limit),
                "is not used: a term loan is what account 2500 holds; leave it empty",
                "W",
            )
    for account, name in (("2400", "revolver"), ("2500", "term_loan")):
        if found[account] and name not in given:
            yield Finding(
                "M009",
                "opening",
                None,
                "amount",
                money(found[account]),
                f"account {account} holds a balance but facilities has no row {name}; give its limit and rate",
            )
    if "revolver" in given:
        yield from _revolver(company, *given["revolver"])
    for row, terms in enumerate(company.suppliers):
        if terms.penalty_rate * 2 > 1:
            yield Finding(
                "M013",
                "suppliers",
                row,
                "penalty_rate",
                text(terms.penalty_rate),
                "is unusually high (typical 0-0.2); is that meant?",
                "W",
            )


def _revolver(company: Company, row: int, revolver: Facility) -> Iterator[Finding]:
    drawn, base = balances(company)["2400"], best_base(company)
    if drawn > revolver.limit:
        yield Finding(
            "M009",
            "facilities",
            row,
            "limit",
            text(revolver.limit),
            f"account 2400 holds {money(drawn)}, above "
            "the limit; raise the limit, or give the excess as another liability",
        )
    elif base is not None and drawn > base:
        yield Finding(
            "M009",
            "facilities",
            row,
            "limit",
            text(revolver.limit),
            f"account 2400 holds {money(drawn)}, above "
            f"the borrowing base of at most {money(base)}; check the advance rates and reserves",
        )


def best_base(company: Company) -> Decimal | None:
    """The most that the opening borrowing base can be; None without a base.

    It takes all stock as of the product, and all receivables as of the channel, with the best advance.
    """
    given, found = company.settings, balances(company)
    if given.inventory_advance is None:
        return None
    nolv = max((product.nolv for product in company.products), default=Decimal(0))
    channel = max((leg.advance for leg in company.receivables), default=Decimal(0))
    stock = found["1200"] + found["1210"] - found["1290"] + (found["1220"] if given.base_in_transit else 0)
    goods = stock * min(given.inventory_advance, given.nolv_advance * nolv)
    return max(goods + (found["1100"] + found["1110"]) * channel - given.base_reserves, Decimal(0))


def covenants(company: Company) -> Iterator[Finding]:
    first = company.settings.start
    last = first + timedelta(min(company.settings.days, HORIZON_MOST) - 1)
    for row, covenant in enumerate(company.covenants):
        ends = {"daily": last, "month_end": month_end(first, 1), "quarter_end": month_end(first, 3)}[covenant.test]
        if ends > last:
            yield Finding(
                "M014",
                "covenants",
                row,
                "test",
                covenant.test,
                f"the first test on {ends} is after the end on {last}; test it more often or lengthen the horizon",
            )


def month_end(day: date, every: int) -> date:
    """The first month end, of every so many months of the year, on or after a day."""
    month = -(-day.month // every) * every
    return date(day.year + month // 12, month % 12 + 1, 1) - timedelta(1)


def planned(company: Company) -> Iterator[Finding]:
    start, term_debt = company.settings.start, balances(company)["2500"]
    for row, item in enumerate(company.planned):
        if item.date < start:
            yield Finding(
                "M003",
                "planned",
                row,
                "date",
                str(item.date),
                f"lies before the start on {start} and is left out; what is still unpaid belongs to open_items",
                "W",
            )
        if item.label == "maturity" and not term_debt:
            yield Finding(
                "M009",
                "planned",
                row,
                "label",
                item.label,
                "a term loan falls due but account 2500 holds none; give its balance in opening",
                "W",
            )


MONEY = (
    (settings, ("company", "covenants")),
    (receivables, ("receivables",)),
    (facilities, ("opening", "facilities", "products", "receivables", "company")),
    (covenants, ("company",)),
    (planned, ("company", "opening")),
)
