"""The company: network, goods, ledger, policies, one day, many days, measures.

    company = twin.read("shop").company          # a folder of tables, or an .xlsx workbook
    model = twin.assemble(company)               # tables to arrays
    data = twin.futures(model, draws=1000)       # an xarray.Dataset with names and units
    data.fill_rate.mean(), data.lowest_cash.quantile(0.05)

What is named here is loaded when it is first used, so that reading tables does not start JAX.
"""

from importlib import import_module
from typing import Any

_FACE = {
    "read": "twin.tables.read",
    "assemble": "twin.assembly",
    "futures": "twin.face",
    "replenish": "twin.policies",
    "changed": "twin.state",
}
__all__ = ["assemble", "changed", "futures", "read", "replenish"]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'twin' has no attribute {name!r}")
    return getattr(import_module(_FACE[name]), name)
