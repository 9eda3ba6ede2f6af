"""History in: the data contract, what was known as of a date, and what each cell says of demand (CALIBRATION.md 3.1).

`load(folder, as_of)` reads the tables of `contract`, through `mapping.csv` where they are a company's own extract, and
returns frames, the panel of the demand model, spikes, counters and the scorecard.
"""

from calibration.history.load import History, load

__all__ = ["History", "load"]
