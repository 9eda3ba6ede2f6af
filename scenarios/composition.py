"""Scenario + scenario is a scenario: all shocks of all parts happen, under one name such as `supplier-out+rate-rise`.

Rows are sorted by id before they multiply, so that the order of the parts never matters; a shock keeps its id, and so
its luck, unless two parts use the same one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from twin.tables import rows

PLUS = "+"


def parts(name: str) -> list[str]:
    """The scenarios that a name is made of."""
    return name.split(PLUS)


def composed(scenarios: Mapping[str, Sequence[rows.Shock]]) -> list[rows.Shock]:
    """The shocks of all scenarios as one scenario; an id that two of them use is followed by its scenario's name."""
    name = PLUS.join(scenarios)
    used = Counter(row.shock for shocks in scenarios.values() for row in shocks)
    return [
        row.model_copy(
            update={"scenario": name, "shock": row.shock if used[row.shock] == 1 else f"{row.shock}-{scenario}"}
        )
        for scenario, shocks in scenarios.items()
        for row in shocks
    ]
