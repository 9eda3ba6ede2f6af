"""From the oracle's `case` (plain whole numbers) to the twin: a Company, assembled, with the case's own day flags."""

import dataclasses
from datetime import date, timedelta
from decimal import Decimal

import jax
import numpy as np

from kernels.ratio import EXACT
from twin.assembly import Model, assemble
from twin.day.close import certificate
from twin.engines import Engine, fastest
from twin.exogenous import Luck, replay
from twin.ledger import ACCOUNT
from twin.network import CLAIMS, Sizes
from twin.policies import replenish
from twin.record import Record, nothing
from twin.simulate import simulate
from twin.state import changed
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.rows import Settings

CREDIT = set(range(2000, 3101)) | {1119, 1290}


def money(cents: int) -> Decimal:
    return Decimal(cents) / 100


def price(units: int) -> Decimal:
    return Decimal(units) / 10_000


def share(ppm: int) -> Decimal:
    return Decimal(ppm) / 1_000_000


def company(case: dict) -> Company:
    """The case as rows, in the case's own order."""
    start = date.fromisoformat(case["start"])
    day = lambda t: start + timedelta(days=t)  # noqa: E731
    opening, o = [], case["opening"]
    for code, amount in o["balances"].items():
        if amount:
            opening.append(rows.Opening(account=str(code), amount=money(-amount if int(code) in CREDIT else amount)))
    ranks = {(x["to"], x["product"]) for x in case["lines"] if x["rank"] is not None}
    policies = [
        rows.PolicyRow(
            node=p["node"],
            product=p["product"],
            reorder_point=p["reorder_point"],
            order_up_to=max(p["order_up_to"], 0),
            lot=p["lot"],
            review_days=p["period"],
            review_offset=p["offset"],
        )
        for p in case["policies"]
    ]
    return Company(
        nodes=tuple(
            [rows.Node(node=s["id"], kind="supplier", capacity=s["capacity"]) for s in case["suppliers"]]
            + [
                rows.Node(
                    node=n["id"],
                    kind=n["kind"],
                    channel=n["channel"],
                    capacity=n["capacity"],
                    storage_cost=price(n["storage"]),
                )
                for n in case["nodes"]
            ]
        ),
        products=tuple(
            rows.Product(
                product=p["id"],
                price=price(p["price"]),
                cost=price(p["standard_cost"]),
                vat=share(p["vat"]),
                lost_share=share(p["lost_share"]),
                shelf_life=p["shelf_life"],
                shrink=share(p["shrink"]),
                return_share=share(p["return_share"]),
                return_lag=p["return_lag"],
                nolv=share(p["nolv"]),
                recoverable_value=None if p["recoverable"] is None else price(p["recoverable"]),
            )
            for p in case["products"]
        ),
        demand=tuple(rows.Demand(node=n, product=p, mean=1) for n, p in demanded(case)),
        suppliers=tuple(
            rows.Supplier(
                supplier=s["id"],
                net_days=s["net_days"],
                credit_limit=None if s["credit_limit"] is None else money(s["credit_limit"]),
            )
            for s in case["suppliers"]
        ),
        opening=tuple(opening),
        settings=settings(case),
        lanes=tuple(
            rows.Lane(
                source=x["from"],
                destination=x["to"],
                lead_time=x["mean_lead"],
                lead_time_law="fixed",
                lead_time_max=15,
                crossing=x["crossing"],
                capacity=x["capacity"],
                freight=price(x["freight"]),
                order_cost=money(x["order_cost"]),
                deposit=share(x["deposit"]),
                incoterm=x["title"] if x["title"] != "internal" else "DDP",
            )
            for x in case["lanes"]
        ),
        sourcing=tuple(
            rows.Sourcing(
                node=x["to"],
                product=x["product"],
                source=x["from"],
                cost=price(x["cost"]),
                minimum_order=x["minimum"],
                share=None if (x["to"], x["product"]) in ranks else share(x["share"]),
                priority=None if x["rank"] is None else x["rank"] + 1,
            )
            for x in case["lines"]
        ),
        stock=stock(case),
        open_items=open_items(case, day),
        receivables=tuple(
            rows.Receivable(
                channel=c["id"],
                kind=c["kind"],
                days=leg["days"],
                share=share(leg["share"]),
                bad=leg["bad"],
                fee=share(c["fee"]),
                advance=share(c["advance"]),
            )
            for c in case["channels"]
            for leg in c["legs"]
        ),
        facilities=facilities(case),
        covenants=tuple(rows.Covenant(covenant=c["kind"], threshold=money(c["threshold"])) for c in case["covenants"]),
        calendar=tuple(rows.CalendarDay(date=h, business_day=False) for h in case["holidays"]),
        policies=tuple(policies),
        shocks=tuple(shock(x) for x in case["shocks"]),
        planned=tuple(
            rows.Planned(date=day(x["day"]), amount=money(x["amount"]), label=x["label"]) for x in case["planned"]
        ),
    )


def canonical(case: dict) -> dict:
    """The case with the legs of its channels in the order that counts; the oracle takes them as declared."""
    channels = [
        c | {"legs": sorted(c["legs"], key=lambda leg: (leg["days"], leg["bad"], -leg["share"]))}
        for c in case["channels"]
    ]
    return case | {"channels": channels}


def demanded(case: dict) -> list[tuple[str, str]]:
    """Every store-product that is ever asked for, stocked, waited for or ordered."""
    found = {at for day in case["replay"]["demand"].values() for at in day}
    found |= {(x["to"], x["product"]) for x in case["lines"]}
    found |= {(x["node"], x["product"]) for x in case["opening"]["stock"] + case["opening"]["backorders"]}
    reach = {(x["to"], x["product"]) for x in case["lines"]}
    return sorted(found & reach)


def settings(case: dict) -> Settings:
    default, gate, base = case["default"], case["gate"], case["base"]
    given = {
        "start": case["start"],
        "days": case["days"],
        "weekend": "sat,sun" if case["weekend"] else "none",
        "minimum_cash": money(case["minimum_cash"]),
        "accrual_days": case["accrual_days"],
        "vat_lag": case["vat_lag"],
        "tax_rate": share(case["tax_rate"]),
        "tax_lag": case["tax_lag"],
        "grace_days": default["cash_flow"],
        "balance_sheet_test": default["balance_sheet"],
        "cure_days": default["covenant"],
        "default_margin": share(case["default_margin"]),
        "gate": gate["kind"],
        "gate_days": gate["days"],
        "gate_beta": share(gate["beta"]),
        "gate_buffer": money(gate["buffer"]),
    }
    if base is not None:
        given |= {
            "inventory_advance": share(base["inventory_advance"]),
            "nolv_advance": share(base["nolv_advance"]),
            "base_reserves": money(base["reserves"]),
            "base_in_transit": base["in_transit"],
        }
    return Settings(**given)


def stock(case: dict) -> tuple[rows.Stock, ...]:
    waiting = {(x["node"], x["product"]): x["units"] for x in case["opening"]["backorders"]}
    found = {(x["node"], x["product"]): (x["units"], x["value"]) for x in case["opening"]["stock"]}
    return tuple(
        rows.Stock(
            node=at[0],
            product=at[1],
            units=found.get(at, (0, 0))[0],
            value=money(found.get(at, (0, 0))[1]),
            backorders=waiting.get(at, 0),
        )
        for at in {*found, *waiting}
    )


def open_items(case: dict, day) -> tuple[rows.OpenItem, ...]:
    o, found = case["opening"], []
    kinds = {
        "payables": ("payable", "supplier"),
        "overdue": ("overdue", "supplier"),
        "receivables": ("receivable", "channel"),
        "writeoffs": ("bad_receivable", "channel"),
        "accrued": ("accrued", None),
        "vat_due": ("vat", None),
        "tax_due": ("tax", None),
    }
    for name, (kind, party) in kinds.items():
        # a kind that is not in the case is an empty one, not one to be spread
        items = o[name] or [
            {"day": 0, "amount": 0, "supplier": case["suppliers"][0]["id"], "channel": case["channels"][0]["id"]}
        ]
        found += [
            rows.OpenItem(
                kind=kind,
                party=x[party] if party else None,
                due=day(x["day"]) if "day" in x else None,
                amount=money(x["amount"]),
            )
            for x in items
        ]
    found += [
        rows.OpenItem(kind="interest", party=name, amount=money(o["interest"][name]))
        for name in ("revolver", "term_loan")
    ]
    return tuple(found)


def facilities(case: dict) -> tuple[rows.Facility, ...]:
    found = []
    if case["revolver"] is not None:
        r = case["revolver"]
        found.append(
            rows.Facility(
                facility="revolver",
                limit=money(r["limit"]),
                rate=share(r["rate"]),
                fee=share(r["fee"]),
                day_count=r["day_count"],
            )
        )
    if case["term_loan"] is not None:
        r = case["term_loan"]
        found.append(rows.Facility(facility="term_loan", rate=share(r["rate"]), day_count=r["day_count"]))
    return tuple(found)


def shock(x: dict) -> rows.Shock:
    given = {"factor": share(x["factor"])} if x.get("factor") is not None else {}
    if x.get("add") is not None:
        given["add"] = share(x["add"])
    if x.get("net_days") is not None:
        given["net_days"] = x["net_days"]
    names = {key: "|".join(x[key]) for key in ("supplier", "node", "product", "channel", "facility") if x.get(key)}
    severity = str(share(x["severity"])) if x["field"] != "terms" else "1"
    return rows.Shock(
        scenario="case",
        shock=x["id"],
        field=x["field"],
        start=x["start"],
        days=x["days"],
        severity=severity,
        **given,
        **names,
    )


def model(case: dict, room: Sizes | None = None) -> Model:
    """The assembled case: open orders, day flags, packs and history that the tables cannot say are put in by hand."""
    found = assemble(company(case), room=room)
    s, n, T = found.structure, found.network, case["days"]
    pack = np.ones_like(n.pack)
    for x in case["lines"]:
        pack[s.lane[x["from"], x["to"]], s.product[x["product"]]] = x["pack"]
    penalty = np.zeros_like(n.penalty)
    for x in case["suppliers"]:
        penalty[s.supplier[x["id"]]] = x["penalty"]
    by_rank = {(x["to"], x["product"]) for x in case["lines"] if x["rank"] is not None}
    assert all(n.by_rank[s.node[a], s.product[b]] for a, b in by_rank)
    state = open_orders(case, found)
    flag = lambda days: np.isin(np.arange(T), days).astype(float)  # noqa: E731
    inputs = {}
    for name, given in found.inputs.items():
        days = given.days
        pays = np.stack([flag((case[f] or {"pay_days": []})["pay_days"]) for f in ("revolver", "term_loan")], axis=1)
        days = changed(
            days,
            pays_interest=pays,
            vat_day=flag(case["vat_days"]),
            tax_day=flag(case["tax_days"]),
            writedown_day=flag(case["writedown_days"]),
            year_end=flag(case["year_end_days"]),
            certificate_day=flag(case["base"]["days"] if case["base"] else []),
            covenant_day=np.stack(
                [flag(c["days"]) for c in case["covenants"]]
                + [np.zeros(T)] * (n.sizes.covenants - len(case["covenants"])),
                axis=1,
            )
            if n.sizes.covenants
            else np.zeros((T, 0)),
            gate_interest=next_pay_days(case, n.sizes.gate_days),
            gate_expected=expected(case, n.sizes.gate_days),
        )
        inputs[name] = changed(given, days=days, replay=history(case, found))
    policy = changed(found.policy, **levels(case, found))
    return dataclasses.replace(
        found, network=changed(n, pack=pack, penalty=penalty), policy=policy, inputs=inputs, opening=state
    )


def levels(case: dict, found: Model) -> dict[str, np.ndarray]:
    """Policies as the case has them: no policy, no orders; order-up-to levels may be negative."""
    s, shape = found.structure, found.policy.order_up_to.shape
    table = {
        "reorder_point": np.full(shape, -1e15),
        "order_up_to": np.zeros(shape),
        "lot": np.zeros(shape),
        "period": np.ones(shape),
        "offset": np.zeros(shape),
    }
    for p in case["policies"]:
        for name in table:
            table[name][s.node[p["node"]], s.product[p["product"]]] = p[name]
    return table


def open_orders(case: dict, found: Model):
    s, state, sizes = found.structure, found.opening, found.network.sizes
    g, book, o = state.goods, state.ledger, case["opening"]
    open_, transit = np.zeros_like(g.open), np.zeros_like(g.transit)
    value, deposits, latest = np.zeros_like(g.open), np.zeros_like(book.deposits), np.zeros_like(g.latest_arrival)
    low, high = book.cost_low.copy(), book.cost_high.copy()
    for x in o["open"]:
        lane = (x["from"], x["to"])
        open_[s.lane[lane], s.product[x["product"]]] += x["units"]
        if x.get("deposit"):
            deposits[s.outside.index(lane), s.product[x["product"]]] += x["deposit"]
    for x in o["transit"]:
        i = s.lane[x["from"], x["to"]]
        transit[x["day"] % sizes.slots, i, s.product[x["product"]]] += x["units"]
        latest[i] = max(latest[i], x["day"])
    for x in o["transit_value"]:
        i, p = s.lane[x["from"], x["to"]], s.product[x["product"]]
        value[i, p] += x["value"]
        units = transit[:, i, p].sum()
        low[p], high[p] = min(low[p], x["value"] / max(units, 1)), max(high[p], x["value"] / max(units, 1))
    goods = changed(
        g, open=open_, transit=transit, in_transit=transit.sum(0), slot_units=transit.sum(2), latest_arrival=latest
    )
    book = changed(book, transit_value=value, deposits=deposits, cost_low=low, cost_high=high)
    state = changed(state, goods=goods, ledger=book)
    with jax.enable_x64(True):
        base = np.asarray(certificate(found.network, state, EXACT))
    return changed(state, ledger=changed(book, base=base))


def next_pay_days(case: dict, ahead: int) -> np.ndarray:
    table = np.zeros((case["days"], 2, ahead))
    for f, name in enumerate(("revolver", "term_loan")):
        for t in range(case["days"]):
            for day in (case[name] or {"pay_days": []})["pay_days"]:
                if t < day <= t + ahead:
                    table[t, f, day - t - 1 :] = 1.0
    return table


def expected(case: dict, ahead: int) -> np.ndarray:
    table = np.zeros((case["days"], ahead))
    for t, given in (case.get("expected") or {}).items():
        if t >= case["days"]:
            continue
        row = np.array(given[1:], float)
        table[t, : len(row)] = row[:ahead]
    return table


def history(case: dict, found: Model) -> Luck:
    s, T = found.structure, case["days"]
    shape = (T, len(s.nodes), len(s.products))
    table = {name: np.zeros(shape) for name in ("demand", "return_w", "shrink_w")}
    for name, by_day in table.items():
        for t, given in case["replay"][name].items():
            for (node, product), value in given.items():
                by_day[t, s.node[node], s.product[product]] = value
    lead = np.ones((T, len(s.lanes)))
    for x in case["lanes"]:
        lead[:, s.lane[x["from"], x["to"]]] = x["mean_lead"]
    for t, given in case["replay"]["lead"].items():
        for lane, days in given.items():
            lead[t, s.lane[lane]] = days
    return Luck(lead_time=lead, capped=np.zeros((T, len(s.lanes))), **table)


def play(case: dict, found: Model, engine: Engine = fastest) -> dict[str, np.ndarray]:
    """The case through the twin in exact mode: what the oracle records, leading axis day."""
    run = simulate(
        found.network,
        replenish,
        found.policy,
        replay,
        found.params,
        found.inputs.get("case", found.inputs["base"]),
        found.opening,
        np.zeros(1),
        record=EVERYTHING,
        engine=engine,
    )
    return jax.tree.map(lambda x: x[0], run.series) | {"residuals": run.residuals[0]}


def _everything(state, flows):
    g, d, book = state.goods, state.dues, state.ledger
    return {
        "on_hand": g.on_hand,
        "backorders": g.backorders,
        "open": g.open,
        "in_transit": g.in_transit,
        "transit_value": book.transit_value,
        "value": book.stock_value,
        "allowance": book.allowance,
        "deposit": book.deposits,
        "balances": flows.balances,
        "overdue": d.overdue,
        "arrears": d.arrears,
        "headroom": flows.headroom,
        "base": book.base,
        "defaulted": book.default,
        "ordered": flows.ordered,
        "shipped": flows.shipped,
        "received": flows.received,
        "sold": flows.sold,
        "met": flows.met,
        "lost": flows.lost,
        "returned": flows.returned,
        "shrunk": flows.shrunk,
        "expired": flows.expired,
        "lapsed": flows.lapsed,
    }


EVERYTHING = Record(_everything, nothing, nothing)


def difference(case: dict, found: Model, days: dict[str, np.ndarray], records: list[dict]) -> str | None:
    """The first day and figure on which the twin and the oracle disagree, in words; None when they agree."""
    s = found.structure
    places = {
        **dict.fromkeys(
            ("on_hand", "backorders", "value", "allowance", "sold", "met", "lost", "returned", "shrunk", "expired"),
            lambda at: (s.node[at[0]], s.product[at[1]]),
        ),
        **dict.fromkeys(
            ("open", "in_transit", "transit_value", "ordered", "shipped", "received"),
            lambda at: (s.lane[at[0], at[1]], s.product[at[2]]),
        ),
        "deposit": lambda at: (s.outside.index((at[0], at[1])), s.product[at[2]]),
        "overdue": lambda at: (s.supplier[at],),
        "arrears": lambda at: (CLAIMS.index(at),),
        "balances": lambda at: (ACCOUNT[at],),
    }
    for t, record in enumerate(records):
        for name, place in places.items():
            ours = np.array(days[name][t])
            theirs = np.zeros_like(ours)
            for at, value in record[name].items():
                if name == "deposit" and (at[0], at[1]) not in s.outside:
                    assert value == 0
                    continue
                theirs[place(at)] = value
            if not np.array_equal(ours, theirs):
                where = np.argwhere(ours != theirs)[0]
                return f"day {t} {name} {where} twin {ours[tuple(where)]:.0f} oracle {theirs[tuple(where)]:.0f}"
        for name in ("headroom", "base", "defaulted", "lapsed"):
            if record[name] is not None and float(days[name][t]) != float(record[name]):
                return f"day {t} {name} twin {float(days[name][t]):.0f} oracle {float(record[name]):.0f}"
    return None
