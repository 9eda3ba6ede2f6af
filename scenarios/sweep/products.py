"""What a run leaves, as arrays: for each its axes, what one task writes of it at once, and what one read needs.

A shard is what one task writes: two tasks never share one, so none can undo the other's. An inner chunk is one measure:
reading one decodes nothing else (CLUSTER.md 2, layout D).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scenarios.sweep import measured
from scenarios.sweep.plan import DAILY, Plan
from twin.assembly import Model
from twin.results import labels

RESULTS, SCRATCH = "results.zarr", "scratch.zarr"
WHOLE = ("measure", "day", "node", "product", "statistic")  # axes that every task writes from end to end


@dataclass(frozen=True)
class Product:
    """An array `values` of a group. axes: name -> size; shard: the size of what one task writes along each."""

    group: str
    axes: dict[str, int]
    shard: dict[str, int]
    measures: dict[str, measured.About]
    coords: dict[str, Any] = field(default_factory=dict)
    place: str = RESULTS

    @property
    def chunk(self) -> tuple[int, ...]:
        """The shard, one measure at a time."""
        return tuple(1 if axis == "measure" else self.shard[axis] for axis in self.axes)

    @property
    def bytes_per_shard(self) -> int:
        return 8 * int(np.prod([self.shard[axis] for axis in self.axes]))

    def region(self, at: dict[str, int]) -> tuple[slice, ...]:
        """The whole shard at a place, counted in shards; nothing else can be asked for."""
        starts = [at.get(axis, 0) * self.shard[axis] for axis in self.axes]
        return tuple(
            slice(start, min(start + self.shard[axis], size))
            for start, (axis, size) in zip(starts, self.axes.items(), strict=True)
        )

    def path(self, at: dict[str, int]) -> str:
        """The shard's file, from the run's folder."""
        return "/".join([self.place, self.group, "values", "c", *(str(at.get(axis, 0)) for axis in self.axes)])


def products(plan: Plan, model: Model) -> dict[str, Product]:
    """Every array of a run by its group."""
    s = model.structure
    size = {
        "case": len(plan.cases), "scenario": len(plan.joint), "draw": plan.draws, "day": plan.days,
        "node": len(s.nodes), "product": len(s.products), "block": plan.blocks,
        "path": plan.paths, "statistic": len(measured.STATISTICS), "role": len(measured.ROLES),
    }  # fmt: skip
    coords = {
        "case": labels(f"{case.scenario}/{case.variant}" for case in plan.cases),
        "scenario": labels(plan.shocks),
        "draw": np.arange(plan.draws, dtype=np.uint32),
        "path": np.arange(plan.paths, dtype=np.uint32),
        "day": np.arange(plan.days),
        "node": labels(s.nodes),
        "product": labels(s.products),
        "statistic": labels(measured.STATISTICS),
        "role": labels(measured.ROLES),
    }

    def product(group: str, axes: str, measures: dict[str, measured.About], place: str = RESULTS) -> Product:
        sizes = size | {"measure": len(measures)}
        named = {name: sizes[name] for name in axes.split()}
        shard = {name: sizes[name] if name in WHOLE or name == "path" else 1 for name in named}
        if "draw" in named:
            shard["draw"] = plan.block
        return Product(group, named, shard, measures, {n: coords[n] for n in named if n in coords}, place)

    daily = measured.daily_measures(model)
    found = [
        product("per_draw", "case measure draw", measured.per_draw_measures(model)),
        product("summary", "scenario measure statistic day", daily),
        product("paths", "scenario measure path day", daily),
        product("service", "scenario measure day node", measured.SERVICE),
        product("places", "scenario measure node product", measured.PLACES),
        product("told", "role measure day", daily),
        product(DAILY, "scenario measure draw day", daily, RESULTS if DAILY in plan.keep else SCRATCH),
        product("service_of", "scenario block measure day node", measured.SERVICE, SCRATCH),
        product("places_of", "scenario block measure node product", measured.PLACES, SCRATCH),
    ]
    return {one.group: one for one in found}
