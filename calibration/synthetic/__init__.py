"""A company whose truth is known, from the demand model's own family or just beside it (CALIBRATION.md 2).

`draw(Settings(...), seed)` gives the truth, true demand, what was sold and stocked; `orders` and `invoices` the supply
side and the money; `tables` and `write` the same as the company's systems would have recorded it. NumPy only: nothing
here is shared with the models under test but the laws' names.
"""

from calibration.synthetic.invoices import Payer, invoices
from calibration.synthetic.orders import Lane, orders
from calibration.synthetic.shelves import Synthetic, draw
from calibration.synthetic.tables import panel, tables, write
from calibration.synthetic.truth import Settings, Truth

__all__ = [
    "Lane",
    "Payer",
    "Settings",
    "Synthetic",
    "Truth",
    "draw",
    "invoices",
    "orders",
    "panel",
    "tables",
    "write",
]
