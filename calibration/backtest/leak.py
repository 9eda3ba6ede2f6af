"""Whether a forecast has seen the future: what comes after the origin is altered, and nothing may change."""

from collections.abc import Callable, Iterable

import numpy as np

Record = dict[str, np.ndarray]  # series by name, trailing axis day
# (the record, as of which day: place on the day axis) -> forecast, any array. The same seed each time.
Forecast = Callable[[Record, int], np.ndarray]


def leaks(forecast: Forecast, record: Record, origins: Iterable[int], seed: int = 0) -> list[str]:
    """Names of the series whose days from an origin on change the forecast made on it; empty for an honest one.

    Each series alone is altered from the origin on (shuffled, shifted, and made impossible by turns), so that the
    finding says where the leak is. A forecast that is only handed a cut record cannot leak; one that cuts for itself
    can, and this is its test.
    """
    rng = np.random.default_rng(seed)
    found: list[str] = []
    for origin in origins:
        honest = np.asarray(forecast(record, origin))
        for name, series in record.items():
            if name not in found and any(
                not np.array_equal(honest, forecast({**record, name: altered}, origin), equal_nan=True)
                for altered in _altered(series, origin, rng)
            ):
                found.append(name)
    return found


def _altered(series: np.ndarray, origin: int, rng: np.random.Generator) -> Iterable[np.ndarray]:
    after = series[..., origin:]
    for other in (rng.permutation(after, axis=-1), after + 1, np.full_like(after, 1e6)):
        changed = series.copy()
        changed[..., origin:] = other
        yield changed
