"""From which days a forecast is tried: rolling origins, every one with its whole future inside the record."""

from datetime import date, timedelta

HORIZONS = (7, 14, 28, 91)  # days
LEAST = 6  # fewer origins say little


class TooShort(ValueError):
    """The record does not hold so many origins; the message has the numbers."""


def rolling_origins(first: date, end: date, learn: int, horizon: int = HORIZONS[-1], every: int = 7) -> list[date]:
    """As-of days from `first` + learn, `every` days apart, the last one `horizon` days before `end` (exclusive).

    No origin whose horizon reaches beyond the record: what is cut off looks short, late or unsold (CALIBRATION.md 3.7).
    Raises TooShort for fewer than six.
    """
    room = (end - first).days - learn - horizon
    found = [first + timedelta(days=learn + step) for step in range(0, room + 1, every)] if room >= 0 else []
    if len(found) < LEAST:
        raise TooShort(
            f"{len(found)} origins from {first} to {end} with {learn} days to learn from and {horizon} to judge; "
            f"{LEAST} need {learn + horizon + (LEAST - 1) * every} days"
        )
    return found
