"""Answers of the strategy team's studies beside a run: one JSON file each, for the report to show."""

import json
from pathlib import Path
from typing import Any

from twin.tables.write import beside

FOLDER = "strategy"
STUDIES = ("survival", "reverse", "design", "actions", "spread")


class OtherCompany(Exception):
    """The run is one of another company, or of other tables of this one."""


def keep(run: Path, study: str, answer: dict[str, Any], company: str) -> Path:
    """Write one answer into a run's folder. company: its input hash. Raises OtherCompany, FileNotFoundError."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    if manifest["input_hash"] != company:
        raise OtherCompany(f"{run} is a run of other tables than these: run tandem stress again, or leave --into out")
    path = run / FOLDER / f"{study}.json"
    path.parent.mkdir(exist_ok=True)
    with beside(path) as temporary:
        temporary.write_text(json.dumps(answer, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def read(run: Path) -> dict[str, dict[str, Any]]:
    """All answers of a run by study, in the order of STUDIES."""
    found = {study: run / FOLDER / f"{study}.json" for study in STUDIES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in found.items() if path.is_file()}
