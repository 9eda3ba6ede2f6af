"""What was known as of a day: the same rows, and the same empty cells, as the systems held that morning."""

from datetime import date

import pandas as pd

from calibration.history.contract import HAPPENED, LATER


def known(table: str, frame: pd.DataFrame, key: tuple[str, ...], as_of: date) -> pd.DataFrame:
    """The rows known at the opening of `as_of`: what happened on that day itself is not among them.

    With a column `recorded`, a row counts from the day after it was recorded, and of several rows of one key the
    latest counts. Orders that came, were cancelled, or invoices that were paid later are open again: leaving them
    closed, or out, would tell a forecast of the past what came after it.
    """
    morning = pd.Timestamp(as_of)
    happened = HAPPENED.get(table)
    keep = pd.Series(True, frame.index)
    if "recorded" in frame:
        keep &= frame["recorded"].isna() | (frame["recorded"] < morning)
    if happened is not None and happened in frame:
        keep &= frame[happened].isna() | (frame[happened] < morning)
    seen = frame[keep].copy()
    if "recorded" in seen and key:
        seen = seen.sort_values("recorded", kind="stable", na_position="first").drop_duplicates(list(key), keep="last")
        seen = seen.sort_index()
    if "status" in seen:
        seen["status"] = seen["status"].astype(object)
    for column in LATER.get(table, ()):
        if column in seen:
            later = seen[column] >= morning
            seen.loc[later, column] = pd.NaT
            if column == "received":
                seen.loc[later, "received_units"] = float("nan")
                if "status" in seen:
                    seen.loc[later, "status"] = "open"
            if column == "cancelled" and "status" in seen:
                seen.loc[later & (seen["status"] == "cancelled"), "status"] = "open"
    if table in LATER:
        # parts of a delivery that came later were one open line
        seen = seen.drop_duplicates()
    if table == "hierarchy" and "valid_to" in seen:
        seen = seen[seen["valid_to"].isna() | (seen["valid_to"] >= morning)]
    return seen.reset_index(drop=True)
