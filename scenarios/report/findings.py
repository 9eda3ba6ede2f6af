"""A finished run as the report reads it: manifest, series on demand, and the company that was simulated."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scenarios import store
from scenarios.stress import BASE
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
    company: Company
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
        joint = store.read(run, "joint")
        variants = store.read(run, "variants")
    except (FileNotFoundError, KeyError) as error:
        raise NoRun(f"{run} holds no results: {store.RESULTS} is missing or unreadable") from error
    return Findings(manifest, joint, variants, read(run / "inputs").company)
