"""The words of report and workbook: one YAML catalogue per language, read as flat keys."""

from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

LANGUAGES = ("en", "zh")


@cache
def load(lang: str) -> dict[str, str]:
    """All texts of a language by dotted key. Raises ValueError for a language that we do not have."""
    if lang not in LANGUAGES:
        raise ValueError(f"no catalogue for language {lang!r}; there are {', '.join(LANGUAGES)}")
    text = files("scenarios.report").joinpath(f"catalogue_{lang}.yaml").read_text(encoding="utf-8")
    return dict(flat(YAML(typ="safe", pure=True).load(text)))


def flat(found: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested mappings as (dotted key, text)."""
    lines: list[tuple[str, str]] = []
    for key, value in found.items():
        if isinstance(value, dict):
            lines += flat(value, f"{prefix}{key}.")
        else:
            lines.append((f"{prefix}{key}", str(value)))
    return lines
