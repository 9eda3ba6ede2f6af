"""Draws of a fit as plain arrays, for host code that works on all of them at once."""

import numpy as np
import xarray as xr


def draws_of(tree: xr.DataTree) -> dict[str, np.ndarray]:
    """Site -> (draw, ..), the chains one after the other."""
    each = tree["posterior"].to_dataset().stack(each=("chain", "draw")).transpose("each", ...)
    return {str(name): x.values for name, x in each.items()}
