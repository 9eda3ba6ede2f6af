"""The opening: the balance sheet balances, and stock, open orders and open items tie to its accounts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal

from twin.tables.company import Company
from twin.tables.faults import Finding, did_you_mean, listed
from twin.tables.routing import routes
from twin.tables.values import LONGEST_TERM, text

# Accounts whose balance usually stands on the credit side; the others are debits.
CREDITS = (
    "1119",
    "1290",
    "2000",
    "2010",
    "2050",
    "2100",
    "2150",
    "2160",
    "2200",
    "2210",
    "2300",
    "2400",
    "2500",
    "3000",
    "3100",
)
# Accounts that may stand on their unusual side: VAT can be owed to us, losses can be carried.
_EITHER_SIDE = ("1400", "2200", "3000", "3100")
_ITEM_ACCOUNTS = {
    "payable": ("2000",),
    "overdue": ("2010",),
    "receivable": ("1100", "1110"),
    "bad_receivable": ("1100", "1110"),
    "accrued": ("2100",),
    "vat": ("2200",),
    "tax": ("2210",),
    "interest": ("2300",),
}
_ITEM_PARTIES = {
    "payable": "supplier",
    "overdue": "supplier",
    "receivable": "channel",
    "bad_receivable": "channel",
    "interest": "facility",
}


def money(amount: Decimal | int) -> str:
    return f"{amount:,.2f}"


def balances(company: Company) -> dict[str, Decimal]:
    """Opening balance by account, 0 where none is given."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in company.opening:
        found[row.account] = row.amount
    return found


def sheet_balances(company: Company) -> Iterator[Finding]:
    assets = funds = Decimal(0)
    for row, entry in enumerate(company.opening):
        if entry.amount < 0 and entry.account not in _EITHER_SIDE:
            yield Finding(
                "M001",
                "opening",
                row,
                "amount",
                text(entry.amount),
                f"account {entry.account} stands on its usual side as a positive amount; an overdraft belongs to 2400",
            )
        contra = entry.account in ("1119", "1290")  # allowances are shown with the assets they lower
        if entry.account in CREDITS and not contra:
            funds += entry.amount
        else:
            assets += -entry.amount if contra else entry.amount
    if company.opening and assets != funds:
        yield Finding(
            "M001",
            "opening",
            None,
            None,
            None,
            f"assets {money(assets)}, liabilities + equity {money(funds)}: "
            f"difference {money(assets - funds)}; they must be equal",
        )


def stock_ties(company: Company) -> Iterator[Finding]:
    """Units and value of stock by kind of node against accounts 1200 and 1210."""
    kinds = {node.node: node.kind for node in company.nodes}
    cost = {product.product: product.cost for product in company.products}
    for row, stock in enumerate(company.stock):
        where = f"{stock.product} at {stock.node}"
        if stock.value and not stock.units:
            yield Finding(
                "M002",
                "stock",
                row,
                "units",
                str(stock.units),
                f"{where}: value {money(stock.value)} with 0 units; give the units",
            )
        if stock.units and stock.value == 0 and cost.get(stock.product):
            yield Finding(
                "M002",
                "stock",
                row,
                "value",
                text(stock.value),
                f"{where}: {stock.units} units with value 0; give the value or leave it empty",
            )
    for kind, account in (("dc", "1200"), ("store", "1210")):
        held = [(stock.units, stock.value) for stock in company.stock if kinds.get(stock.node) == kind]
        if company.stock:
            yield from _tie(company, account, "stock", f"stock at nodes of kind {kind}", held)
        elif balances(company)[account] and kind not in kinds.values():
            yield Finding(
                "M002",
                "opening",
                None,
                "amount",
                account,
                f"account {account} holds {money(balances(company)[account])} but there is no {kind}; move it",
            )


def goods_on_the_way_tie(company: Company) -> Iterator[Finding]:
    """Goods that we own on the way against accounts 1220 (FOB, FCA) and 1230 (between own nodes)."""
    found = routes(company)
    terms = {(lane.source, lane.destination): lane.incoterm for lane in found.lanes}
    owned: dict[str, list[tuple[int, Decimal | None]]] = {"1220": [], "1230": []}
    for row, order in enumerate(company.orders):
        internal = found.kinds.get(order.source) != "supplier"
        ours = internal or terms.get((order.source, order.node)) in ("FOB", "FCA")
        if ours and order.arrives:
            owned["1230" if internal else "1220"].append((order.units, order.value))
        elif order.value:
            yield Finding(
                "M002",
                "orders",
                row,
                "value",
                text(order.value),
                "these goods are not ours yet (DDP, or not dispatched); leave the value empty",
            )
    carried = {
        "1220": any(found.kinds.get(source) == "supplier" and term != "DDP" for (source, _), term in terms.items()),
        "1230": any(found.kinds.get(source) != "supplier" for source, _ in terms),
    }
    for account, held in owned.items():
        if company.orders:
            yield from _tie(company, account, "orders", "goods on the way that are ours", held)
        elif balances(company)[account] and not carried[account]:
            what = "bought FOB or FCA" if account == "1220" else "between own nodes"
            message = f"account {account} holds goods on the way, but no lane is {what}; move the balance"
            yield Finding("M002", "opening", None, "amount", money(balances(company)[account]), message)
    deposits = sum(order.deposit for order in company.orders)
    if deposits and deposits != balances(company)["1300"]:
        yield Finding(
            "M002",
            "orders",
            None,
            "deposit",
            text(Decimal(deposits)),
            f"the deposits of open orders must add to account 1300, which holds {money(balances(company)['1300'])}",
        )


def _tie(
    company: Company, account: str, table: str, what: str, held: list[tuple[int, Decimal | None]]
) -> Iterator[Finding]:
    balance = balances(company)[account]
    units = sum(count for count, _ in held)
    values = [value for count, value in held if value is not None and count]
    total = sum(values, Decimal(0))
    if balance and not units:
        yield Finding(
            "M002",
            "opening",
            None,
            "amount",
            account,
            f"account {account} holds {money(balance)} but there are no units: {what}, table {table}",
        )
    elif units and not balance and (total or not values):
        yield Finding(
            "M002",
            table,
            None,
            "value",
            money(total),
            f"{units} units of {what}, but account {account} is empty; give its balance in opening",
        )
    elif total > balance or (total != balance and len(values) == sum(1 for count, _ in held if count)):
        yield Finding(
            "M002",
            table,
            None,
            "value",
            money(total),
            f"{what} must add to account {account}, which holds {money(balance)}: difference {money(total - balance)}",
        )


def open_items(company: Company) -> Iterator[Finding]:
    start, last = company.settings.start, company.settings.start + timedelta(LONGEST_TERM)
    for row, item in enumerate(company.open_items):
        late = item.kind == "overdue"
        if item.due is None and not late and item.kind != "interest":
            yield Finding("M003", "open_items", row, "due", "", f"a {item.kind} item needs its due date")
        elif item.due is not None and item.due < start and not late:
            remedy = "give it as overdue" if item.kind == "payable" else f"write {start}, the first day"
            yield Finding(
                "M003",
                "open_items",
                row,
                "due",
                str(item.due),
                f"was due before the start on {start}; {remedy}",
            )
        elif item.due is not None and item.due >= start and late:
            yield Finding(
                "M003",
                "open_items",
                row,
                "due",
                str(item.due),
                f"is not overdue at the start on {start}; give it as payable",
            )
        elif item.due is not None and item.due > last:
            yield Finding(
                "M005",
                "open_items",
                row,
                "due",
                str(item.due),
                f"is more than {LONGEST_TERM} days after the start; the longest term ends on {last}",
            )
    for row, order in enumerate(company.orders):
        if order.arrives and order.arrives < start:
            yield Finding(
                "M003",
                "orders",
                row,
                "arrives",
                str(order.arrives),
                f"would have arrived before the start on "
                f"{start}; count it as stock, or leave it empty if it has not left",
            )
        elif order.arrives and order.arrives > last:
            yield Finding(
                "N018",
                "orders",
                row,
                "arrives",
                str(order.arrives),
                f"is more than {LONGEST_TERM} days after the start; the longest lead time is that",
            )


def dispatch_days(company: Company) -> Iterator[Finding]:
    """What left before the start, and is still on its way, has an arrival date and a lane that may take that long."""
    start, ages = company.settings.start, {}
    for row, order in enumerate(company.orders):
        if order.dispatched is None:
            continue
        if order.dispatched >= start:
            message = f"had not left at the start on {start}; leave it and the arrival date empty"
            yield Finding("M003", "orders", row, "dispatched", str(order.dispatched), message)
        elif order.arrives is None:
            message = f"left on {order.dispatched}; give the day on which it is expected"
            yield Finding("M003", "orders", row, "arrives", "", message)
        else:
            ages[row] = (start - order.dispatched).days - 1
    lanes = _exhausted(company) if ages else {}
    for row, age in ages.items():
        order = company.orders[row]
        longest = lanes.get((order.source, order.node))
        if longest is not None and age >= longest:
            yield Finding(
                "N018",
                "orders",
                row,
                "dispatched",
                str(order.dispatched),
                f"has not arrived after {age} days, but its lane never takes more than {longest}: it arrives on the "
                "first day of every future; mend the lane's lead times, or leave this empty to keep the arrival date",
                "W",
            )


def _exhausted(company: Company) -> dict[tuple[str, str], int]:
    """The age beyond which no shipment is still on its way, by lane; lanes of certain lead times left out."""
    # only where it is asked for: importing the laws takes longer than checking a company
    from twin.tables.lead_laws import exhausted, law, observations

    found, seen = routes(company), observations(company.lead_times)
    ages = {}
    for lane in found.lanes:
        at = (lane.source, lane.destination)
        age = exhausted(lane, law(lane, found.kinds.get(lane.source) != "supplier", seen.get(at, {})))
        if age is not None:
            ages[at] = age
    return ages


def parties(company: Company) -> Iterator[Finding]:
    """Whose an open item is: of a supplier, a channel or a facility; of nobody where the kind says it all."""
    known = {
        "supplier": sorted(node.node for node in company.nodes if node.kind == "supplier"),
        "channel": sorted({node.channel for node in company.nodes if node.kind != "supplier"}),
        "facility": ["revolver", "term_loan"],
    }
    for row, item in enumerate(company.open_items):
        what = _ITEM_PARTIES.get(item.kind)
        if what is None:
            if item.party is not None:
                message = f"a {item.kind} item has no party; leave it empty"
                yield Finding("N012", "open_items", row, "party", item.party, message)
        elif item.party is None:
            message = f"which {what}? one of {listed(known[what])}"
            yield Finding("M003", "open_items", row, "party", "", message)
        elif item.party not in known[what]:
            message = f"is not a {what}; allowed: {listed(known[what])}{did_you_mean(item.party, known[what])}"
            yield Finding("N012", "open_items", row, "party", item.party, message)


def open_items_tie(company: Company) -> Iterator[Finding]:
    """Items of a kind, where given, make up the whole account (of VAT at most: the rest is not declared)."""
    found = balances(company)
    by_accounts: dict[tuple[str, ...], list[Decimal]] = defaultdict(list)
    for item in company.open_items:
        by_accounts[_ITEM_ACCOUNTS[item.kind]].append(item.amount)
    for accounts, amounts in by_accounts.items():
        total, balance = _sum(amounts), _sum(found[account] for account in accounts)
        if total > balance or (total < balance and accounts != ("2200",)):
            yield Finding(
                "M001",
                "open_items",
                None,
                "amount",
                money(total),
                f"the items of account {' and '.join(accounts)} "
                f"add to {money(total)}, its balance is {money(balance)}: difference "
                f"{money(total - balance)}",
            )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


OPENING = (
    (sheet_balances, ("opening",)),
    (stock_ties, ("nodes", "products", "opening", "stock")),
    (goods_on_the_way_tie, ("nodes", "lanes", "opening", "orders")),
    (open_items, ("company",)),
    (dispatch_days, ("company", "nodes", "lanes", "lead_times", "orders")),
    (parties, ("nodes",)),
    (open_items_tie, ("opening", "open_items")),
)
