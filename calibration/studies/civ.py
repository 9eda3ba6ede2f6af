"""The stock identity of real clinics: opening + received - distributed + adjustment = closing, on every row.

    python -m calibration.studies.civ FOLDER

The folder holds logistics.csv (civ_contraceptives). The sign of the adjustment is not documented, so the data
say it: the one with which more rows hold. Rows that do not hold are named with their gap.
"""

import sys
from pathlib import Path

import pandas as pd

FILE = "logistics.csv"
KEY = ["year", "month", "site_code", "product_code"]


def read(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / FILE)


def gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows on which the identity fails, with the gap in units; empty where it holds on every row."""
    flow = rows["stock_initial"] + rows["stock_received"] - rows["stock_distributed"] - rows["stock_end"]
    sign = max((1, -1), key=lambda s: ((flow + s * rows["stock_adjustment"]) == 0).sum())
    gap = flow + sign * rows["stock_adjustment"]
    return rows.assign(gap=gap)[gap != 0][[*KEY, "gap"]]


def breaks(rows: pd.DataFrame) -> pd.DataFrame:
    """Consecutive months of a site and product whose closing stock is not the next opening stock, with the gap."""
    ordered = rows.sort_values(["site_code", "product_code", "year", "month"])
    group = ordered.groupby(["site_code", "product_code"])
    when = ordered["year"] * 12 + ordered["month"]
    follows = when.groupby([ordered["site_code"], ordered["product_code"]]).diff() == 1
    gap = ordered["stock_initial"] - group["stock_end"].shift()
    return ordered.assign(gap=gap)[follows & (gap != 0)][[*KEY, "gap"]]


def main(arguments: list[str]) -> None:
    rows = read(Path(arguments[0]))
    wrong, broken = gaps(rows), breaks(rows)
    print(f"{len(rows)} rows; the identity fails on {len(wrong)}; next opening differs from closing on {len(broken)}")
    for found in (wrong, broken):
        if len(found):
            print(found.head(20).to_string(index=False))


if __name__ == "__main__":
    main(sys.argv[1:])
