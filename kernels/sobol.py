"""Scrambled Sobol points: uniform numbers that spread more evenly over futures than independent ones."""

import numpy as np
from scipy.stats import qmc

_BITS = 30


def sobol(points: int, dimensions: int, seed: int) -> np.ndarray:
    """float64[points, dimensions] in (0, 1): the first points of Sobol's sequence, scrambled; on the host.

    Each point is uniform, all together are spread evenly, best in powers of 2. Joe & Kuo (SIAM J. Sci. Comput. 30
    (2008) 2635-2654), scrambled by a random linear matrix and a digital shift (Matousek, J. Complexity 14 (1998)
    527-556). Raises ValueError beyond 21,201 dimensions or 2^30 points.
    """
    drawn = qmc.Sobol(dimensions, bits=_BITS, rng=np.random.default_rng(seed)).random(points)
    # to the middle of their cells: 0 is not in the open interval
    return np.asarray((np.floor(drawn * 2.0**_BITS) + 0.5) * 2.0**-_BITS)
