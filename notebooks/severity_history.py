"""How large, how long: figures of the macro series that the scenario library quotes beside its severities.

    python -m notebooks.severity_history ../shared/data/macro_disruption

Each figure is one line: a largest change over a span of months of monthly means, or a level that was reached. Series:
FRED (retail sales RSAFS and RETAILIRSA, personal consumption PCE, producer prices PPIFID, Brent, diesel GASDESW, Fed
target DFEDTARU), SOFR of the New York Fed, and its Global Supply Chain Pressure Index, in standard deviations.
"""

import sys
from pathlib import Path

import pandas as pd


def series(folder: Path, name: str) -> pd.Series:
    """One series by date, in the order of time; blanks are left out."""
    table = pd.read_csv(folder / f"{name}.csv")
    values = pd.to_numeric(table.iloc[:, 1], errors="coerce")
    values.index = pd.DatetimeIndex(pd.to_datetime(table.iloc[:, 0]))
    return values.dropna().sort_index()


def monthly(folder: Path, name: str) -> pd.Series:
    """Means by month; a month without any observation stays empty, so that spans are calendar months."""
    return series(folder, name).resample("MS").mean()


def relative(folder: Path, name: str, months: int) -> pd.Series:
    """Change over a span, as a fraction of what was."""
    level = monthly(folder, name)
    return (level / level.shift(months) - 1).dropna()


def below_peak(folder: Path, name: str, since: str, until: str) -> float:
    """Deepest fall below the highest month so far, inside a window."""
    level = monthly(folder, name)[since:until]
    return float((level / level.cummax() - 1).min())


def figures(folder: Path) -> dict[str, float]:
    """Every figure by the name that a card quotes; fractions, percentage points of rates, months, or deviations."""
    target, pressure = monthly(folder, "dfedtaru"), series(folder, "gscpi")
    overnight = series(folder, "sofr")
    return {
        "retail_sales_fall_2_months": float(relative(folder, "rsafs", 2).min()),
        "retail_sales_rise_1_month": float(relative(folder, "rsafs", 1).max()),
        "retail_sales_fall_2008": below_peak(folder, "rsafs", "2007-01", "2009-12"),
        "consumption_fall_2_months": float(relative(folder, "pce", 2).min()),
        "stock_to_sales_rise_2_months": float(relative(folder, "retailirsa", 2).max()),
        "stock_to_sales_fall_12_months": float(relative(folder, "retailirsa", 12).min()),
        "producer_prices_rise_12_months": float(relative(folder, "ppifid", 12).max()),
        "diesel_rise_12_months": float(relative(folder, "gasdesw", 12).max()),
        "brent_rise_12_months": float(relative(folder, "dcoilbrenteu", 12).max()),
        "target_rate_rise_12_months": float((target - target.shift(12)).max()),
        "overnight_rate_rise_1_day": float(overnight.diff().max()),
        "supply_pressure_peak": float(pressure.max()),
        "supply_pressure_months_above_2": float((pressure > 2).sum()),
    }


def main() -> None:
    for name, value in figures(Path(sys.argv[1])).items():
        print(f"{name:35} {value:9.3f}")


if __name__ == "__main__":
    main()
