"""The quality of a history in four figures that a controller knows, each with the rows behind it."""

from typing import NamedTuple

import pandas as pd

from calibration.history.counters import Counter

# Which rules speak of which quality.
RULES_OF = {
    "completeness": ("missing day, store open", "stock not recorded"),
    "consistency": ("stock identity broken", "returns above sales", "exact repeats", "received before ordered"),
    "accuracy": ("spikes",),
}


class Score(NamedTuple):
    """`score` in [0, 1], 1 is best; `rows` say what keeps it from 1, at most 1,000 of each rule."""

    quality: str
    score: float
    says: str
    rows: pd.DataFrame


def scorecard(counters: list[Counter], frames: dict[str, pd.DataFrame], as_of: pd.Timestamp) -> list[Score]:
    """Completeness, consistency, accuracy: 1 - the largest share of any of their rules. Timeliness: the share of
    tables that reach the day before `as_of`, and of rows with `recorded` that were so within a day.
    """
    by_rule = {counter.rule: counter for counter in counters}
    found = []
    for quality, rules in RULES_OF.items():
        mine = [by_rule[rule] for rule in rules if rule in by_rule]
        worst = max(mine, key=lambda counter: counter.share)
        rows = [counter.rows.assign(rule=counter.rule) for counter in mine if counter.found]
        says = ", ".join(f"{counter.rule}: {counter.found:,} of {counter.of:,}" for counter in mine)
        found.append(Score(quality, 1 - worst.share, says, pd.concat(rows) if rows else pd.DataFrame()))
    return [*found, _timeliness(frames, as_of)]


def _timeliness(frames: dict[str, pd.DataFrame], as_of: pd.Timestamp) -> Score:
    rows = []
    late = recorded = 0
    for table in ("sales", "inventory"):
        if table in frames:
            last = frames[table]["date"].max()
            rows.append({"table": table, "last": last, "days_behind": (as_of - last).days - 1})
            if "recorded" in frames[table]:
                delay = (frames[table]["recorded"] - frames[table]["date"]).dt.days.dropna()
                late, recorded = late + int((delay > 1).sum()), recorded + len(delay)
    found = pd.DataFrame(rows)
    current = float((found["days_behind"] <= 0).mean())
    says = ", ".join(f"{r.table} to {r.last.date()}" for r in found.itertuples())
    if recorded:
        current = min(current, 1 - late / recorded)
        says += f", {late:,} of {recorded:,} rows recorded after more than a day"
    return Score("timeliness", current, says, found)
