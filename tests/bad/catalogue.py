"""The rows of RELIABILITY.md 5 on input files, and which of them tables cannot produce, with the reason."""

CODES = frozenset(
    [f"N{row:03}" for row in range(1, 30)]
    + [f"M{row:03}" for row in range(1, 17)]
    + [f"S{row:03}" for row in range(1, 16)]
    + [f"H{row:03}" for row in range(1, 19)]
)

YAML_ONLY = "scenario YAML only (DESIGN.md, messages)"
NOT_HERE = {
    "N002": YAML_ONLY + "; an empty table file is H001",
    "N003": YAML_ONLY,
    "N005": YAML_ONLY,
    "N006": YAML_ONLY + "; a heading given twice is H001, a key given twice N010",
    "N008": YAML_ONLY + "; tables carry no schema version",
    "N027": YAML_ONLY + "; tables include nothing",
    "N028": YAML_ONLY + "; XML entities in a workbook are N004",
    "N029": YAML_ONLY,
    "M015": "there is no table of contracts",
    "S009": "the number of futures is an argument of the run, not a table",
    "S010": "the seed is an argument of the run, not a table",
    "S015": "no table holds a trace; a replayed history is checked by who replays it",
}
