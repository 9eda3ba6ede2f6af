"""A finished run as the report reads it: manifest, series on demand, and the company that was simulated."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scenarios import answers, store
from scenarios.stress import BASE
from scenarios.sweep import products
from twin.tables.company import Company
from twin.tables.read import read


class NoRun(Exception):
    """The folder holds no complete run."""


@dataclass(frozen=True)
class Findings:
    """What a run found. Series are read from disk when asked for, one scenario at a time."""

    manifest: dict[str, Any]
    joint: xr.Dataset
    variants: xr.Dataset
    summary: xr.Dataset
    told: xr.Dataset
    company: Company
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)  # of the strategy team's studies
    kept: dict[tuple[str, str, str], np.ndarray] = field(default_factory=dict, init=False)  # what was read once

    @cached_property
    def names(self) -> list[str]:
        """Scenarios in the order of the run, base first."""
        return [BASE, *self.manifest["scenarios"]]

    @cached_property
    def stresses(self) -> list[str]:
        return self.names[1:]

    @cached_property
    def hardest(self) -> str:
        """The scenario that fewest futures survive, as the run found it; base where there is no other."""
        story = self.manifest.get("story")
        return str(story["scenario"]) if story else BASE

    @property
    def middle(self) -> int:
        """The future in the middle by lowest headroom in the hardest scenario: the one told week by week."""
        return int(self.manifest["middle"])

    @cached_property
    def dates(self) -> list[date]:
        days = self.joint["date"].values.astype("datetime64[D]")
        return [date.fromisoformat(str(day)) for day in days]

    @cached_property
    def draws(self) -> np.ndarray:
        return np.asarray(self.joint["draw"].values)

    def series(self, scenario: str, name: str) -> np.ndarray:
        """A variable of one scenario without its scenario axis."""
        return np.asarray(self.joint[name].sel(scenario=scenario).values)

    def quantiles(self, scenario: str, name: str, levels: tuple[float, ...]) -> np.ndarray:
        """(level, day) order statistics of all futures of a daily series."""
        wanted = [f"q{level:g}" for level in levels]
        return np.asarray(self.summary[name].sel(scenario=scenario, statistic=wanted).values)

    def path(self, scenario: str, name: str) -> np.ndarray:
        """(day) a daily series of the middle future; kept for the base case and for the hardest scenario."""
        return np.asarray(self.told[name].sel(role="base" if scenario == BASE else "hardest").values)

    def figure(self, scenario: str, name: str, variant: str = "joint") -> np.ndarray:
        """One number per future, of a scenario or of one of its variants."""
        key = (scenario, name, variant)
        if key not in self.kept:
            case = f"{scenario}/{variant}"
            place = (
                self.joint[name].sel(scenario=scenario) if variant == "joint" else self.variants[name].sel(case=case)
            )
            self.kept[key] = np.asarray(place.values)
        return self.kept[key]

    def has_variant(self, scenario: str, variant: str) -> bool:
        return "case" in self.variants.coords and f"{scenario}/{variant}" in self.variants["case"].values


def findings(run: Path) -> Findings:
    """Read a run folder. Raises NoRun with a sentence that names the folder."""
    try:
        manifest = store.read_manifest(run)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NoRun(f"{run} holds no complete run: {store.MANIFEST} is missing or unreadable") from error
    if not manifest.get("complete"):
        raise NoRun(f"{run} holds no complete run: its {store.MANIFEST} does not say so")
    try:
        groups = store.joint(run), store.variants(run), store.read(run, "summary"), store.read(run, "told")
    except (FileNotFoundError, KeyError) as error:
        raise NoRun(f"{run} holds no results: {products.RESULTS} is missing or unreadable") from error
    return Findings(manifest, *groups, read(run / store.INPUTS).company, answers.read(run))
