"""What must hold within and between the rows of a table: pandera schemas, whose every failure names row and remedy."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from pandera.errors import SchemaErrors
from pandera.pandas import Check, DataFrameSchema

from twin.tables.faults import Fault
from twin.tables.history_checks import Recorded

_SHOWN_MOST = 20


def _rule(code: str, column: str, remedy: str, holds: Callable[[pd.DataFrame], pd.Series]) -> Check:
    """A check of rows; its name carries what the fault will say."""
    return Check(holds, name=column, error=f"{code}|{column}|{remedy}", ignore_na=False)


def _before(first: str, then: str) -> Check:
    remedy = f"{then} lies before {first}; swap the two dates?"
    return _rule("S003", then, remedy, lambda f: _has(f, then).isna() | (pd.to_datetime(_has(f, then)) >= f[first]))


def _has(frame: pd.DataFrame, name: str) -> pd.Series:
    """The column, or nothing in it where the file has none."""
    return frame[name] if name in frame else pd.Series(pd.NA, frame.index)


SCHEMAS = {
    "sales": DataFrameSchema(checks=[
        _rule("H013", "units", "exceeds 16,777,216 units; is it a total or a wrong unit?",
              lambda f: f.units.isna() | (f.units <= 2**24)),
    ]),
    "inventory": DataFrameSchema(checks=[
        _rule("H009", "on_hand_close", "neither opening nor closing stock nor in_stock is given; leave the row out",
              lambda f: f.on_hand_open.notna() | f.on_hand_close.notna() | _has(f, "in_stock").notna()),
    ]),
    "purchase_orders": DataFrameSchema(checks=[
        _before("ordered", "cancelled"),
        _rule("S003", "received_units", "units came but the day is empty; give the date received",
              lambda f: f.received.notna() | ~(f.received_units > 0)),
        _rule("S003", "received", "it came, but not how much; give received_units",
              lambda f: f.received.isna() | f.received_units.notna()),
        _rule("S003", "status", "is open but has a date of receipt: an open order is never a closed one; mend one",
              lambda f: (_has(f, "status") != "open") | f.received.isna()),
        _rule("S003", "status", "is received but has no date of receipt; give it, or say open",
              lambda f: (_has(f, "status") != "received") | f.received.notna()),
        _rule("S003", "ordered_units", "an order of nothing; leave the row out", lambda f: f.ordered_units > 0),
    ]),
    "payments": DataFrameSchema(checks=[_before("invoiced", "due"), _before("invoiced", "paid")]),
    "hierarchy": DataFrameSchema(checks=[
        _rule("N012", "parent", "is its own parent; name the group it belongs to",
              lambda f: f.member.astype(str) != f.parent.astype(str)),
    ]),
}  # fmt: skip


def row_faults(table: str, recorded: Recorded) -> list[Fault]:
    """Every row that breaks a rule of its table, with the cell and what to do."""
    schema = SCHEMAS.get(table)
    if schema is None:
        return []
    frame = recorded.frame.reset_index(drop=True)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        faults = []
        for error in errors.schema_errors:
            code, column, remedy = str(error.check.error).split("|", 2)
            where = ~np.asarray(error.check_output, bool)
            faults.append(recorded.fault(code, where, column if column in frame else None, remedy))
        return faults
    return []


def without_duplicates(table: str, key: tuple[str, ...], recorded: Recorded) -> tuple[Recorded, int, list[Fault]]:
    """(rows without exact repeats, how many there were, faults where one key has different values).

    Values that differ are never added up or chosen between, unless `recorded` says which came later.
    """
    frame = recorded.frame
    again = frame.duplicated().to_numpy()
    recorded = replace(recorded, frame=frame[~again].reset_index(drop=True), rows=recorded.rows[~again])
    over = [*key, "recorded"] if "recorded" in frame else list(key)
    faults = []
    if key:
        clash = recorded.frame.duplicated(over, keep="first").to_numpy()
        for place in np.flatnonzero(clash)[:_SHOWN_MOST]:
            same = (recorded.frame[over] == recorded.frame[over].iloc[place]).all(axis=1).to_numpy()
            first = int(recorded.rows[np.flatnonzero(same)[0]]) if same.any() else "another"
            one = np.zeros(len(clash), bool)
            one[place] = True
            message = f"this {', '.join(key)} has other values in row {first}; keep one: nothing is added up"
            faults.append(recorded.fault("H005", one, key[-1], message))
        if clash.sum() > _SHOWN_MOST:
            faults.append(recorded.about("H005", f"and {clash.sum() - _SHOWN_MOST:,} more in {table}", "E"))
    return recorded, int(again.sum()), faults
