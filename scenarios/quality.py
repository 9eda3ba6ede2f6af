"""What `tandem check` says of a history: a mapping for files that are not ours, and the scorecard of its quality."""

from datetime import date
from pathlib import Path

from scenarios import console

SHOWN = 20


def propose(history: Path) -> None:
    """Print the mapping that their headings suggest; it counts when a person has saved it."""
    try:
        from calibration.history.proposal import proposal
    except ModuleNotFoundError:
        return  # the extra `calibrate` is not there: `score` says so
    text = proposal(history)
    if text:
        console.say(
            f"{history}: some headings are not ours. Look through this and save it as {history / 'mapping.csv'}:"
        )
        console.say(text)


def score(company: Path, start: date) -> None:
    """Print scores and rules as of the company's first day; a failed rule is a warning here, calibration refuses."""
    try:
        from calibration.history import load
    except ModuleNotFoundError as error:
        console.warn(f"no scorecard of the history: {error.name} is missing; pip install 'tandem-twin[calibrate]'")
        return
    found = load(company, start)
    console.table(["quality", "score", "why"], [[s.quality, f"{s.score:.1%}", s.says] for s in found.scores])
    console.table(
        ["rule", "cells", "of", "limit", "", "what it does"],
        [
            [c.rule, f"{c.found:,}", f"{c.of:,}", f"{c.limit:.1%}", "FAILED" if c.failed else "passed", c.does]
            for c in found.counters
        ],
    )
    places = found.panel
    for spike in found.spikes.head(SHOWN).itertuples():
        console.warn(f"{places.days[spike.day]} {places.stores[spike.store]} {places.items[spike.item]}: "
                     f"{spike.units:g} sold, mean {spike.mean:.3g}; {spike.label}: {spike.evidence}")  # fmt: skip
