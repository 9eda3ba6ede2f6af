"""Studies on real and synthetic data; each is a module that takes a folder: python -m calibration.studies.scms PATH."""

import json
from pathlib import Path
from typing import Any

from twin.tables.write import beside


def publish(found: Any, out: Path | None) -> None:
    """Print what a study found, and keep it in a file where one is named. Figures of NumPy become plain ones."""
    text = json.dumps(found, indent=1, default=float)
    print(text)
    if out:
        with beside(out) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
