"""The synthetic company as its systems recorded it: the contract's tables, and the panel straight from them."""

from pathlib import Path

import numpy as np
import pandas as pd

from calibration.history.cells import NAMES, Observed, classify
from calibration.panel import Panel
from calibration.synthetic.invoices import invoices
from calibration.synthetic.orders import orders
from calibration.synthetic.shelves import Synthetic


def tables(company: Synthetic, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Frames by the names of the contract (`calibration.history.contract`); `seed` is that of orders and invoices."""
    t, s = company.truth, company.truth.settings
    dates = pd.date_range(s.first, periods=s.days)
    stores, items = t.names["store"], t.names["item"]
    store, item, day = np.nonzero(np.broadcast_to(t.listed[None], company.sold.shape))
    at = (store, item, day)
    key = {
        "date": dates[day],
        "node": pd.Categorical.from_codes(store, stores),
        "product": pd.Categorical.from_codes(item, items),
    }
    sales = pd.DataFrame({**key, "units": company.sold[at], "price": t.price[item, day],
                          "promotion": t.promotion[item, day], "returns": company.returned[at]})  # fmt: skip
    inventory = pd.DataFrame(
        {**key, "on_hand_open": company.on_hand_open[at], "on_hand_close": company.on_hand_close[at]}
    )
    inventory = inventory[company.flagged[at]].reset_index(drop=True)
    place, when = (x.ravel() for x in np.indices((s.stores, s.days)))
    calendar = pd.DataFrame({"date": dates[when], "node": np.array(stores)[place], "open": True,
                             "holiday": np.array([None, "holiday"])[t.holiday[when].astype(int)]})  # fmt: skip
    plan = pd.DataFrame({**key, "price": t.price[item, day], "promotion": t.promotion[item, day]})
    hierarchy = pd.DataFrame({"member": items, "parent": [t.names["category"][c] for c in t.category]})
    return {
        "sales": sales, "inventory": inventory, "calendar": calendar, "plan": plan, "hierarchy": hierarchy,
        "purchase_orders": _dated(orders(s, seed)[1], dates[0], ("ordered", "received")),
        "payments": _dated(invoices(s, seed)[1], dates[0], ("invoiced", "due", "paid")),
    }  # fmt: skip


def _dated(frame: pd.DataFrame, first: pd.Timestamp, columns: tuple[str, ...]) -> pd.DataFrame:
    """What the company can see of it, with days as dates."""
    seen = frame[[name for name in frame if not str(name).startswith("true_")]].copy()
    for name in columns:
        seen[name] = first + pd.to_timedelta(seen[name], unit="D")
    return seen


def write(company: Synthetic, folder: Path, seed: int = 0) -> None:
    """CSV files in `folder`, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables(company, seed).items():
        frame = frame.assign(**{c: frame[c].map({True: "yes", False: "no"}) for c in frame if frame[c].dtype == bool})
        frame.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%d")


def panel(company: Synthetic) -> Panel:
    """The company's history as the models see it, without files: the same rules, prices and promotions known."""
    t, s = company.truth, company.truth.settings
    shape = company.sold.shape
    known = np.where(company.flagged, 1.0, np.nan)
    cells = classify(
        Observed(
            units=company.sold.astype(float),
            on_hand_open=company.on_hand_open * known,
            on_hand_close=company.on_hand_close * known,
            in_stock=np.full(shape, np.nan),
            open=np.ones(shape, bool),
            listed=np.broadcast_to(t.listed[None], shape),
            quarantined=np.zeros(shape, bool),
        )
    )
    return Panel(
        stores=t.names["store"], items=t.names["item"], categories=t.names["category"], category=t.category,
        days=np.datetime64(s.first, "D") + np.arange(s.days), rules=NAMES, **cells._asdict(),
        price=t.price[None], log_price=np.log(t.price / t.reference[:, None])[None],
        promotion=t.promotion[None].astype(float),
        holiday=t.holiday[None].astype(float), holidays=["holiday"], open=np.ones((s.stores, s.days), bool),
    )  # fmt: skip
