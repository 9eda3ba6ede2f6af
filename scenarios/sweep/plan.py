"""What a run will do, before it does anything: cases x blocks of futures as tasks with stable ids, and one hash.

A plan is pure: the same company, scenarios, seed and sizes give the same tasks on every machine. Nothing in it names a
device or a number of workers, so however many take part, they cut the work the same way.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from scenarios.stress import BASE, LEVERS, Case, cases
from twin.assembly.structure import structure
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.digest import input_hash

FORMAT = 1
HARDEST = "@hardest"  # the levers' scenario, known when all joint cases are
PATHS = 4  # futures whose daily series are always kept: the first ones, chosen before any outcome is known
DAILY = "daily"  # what may be kept besides: every daily series of every future
# A task of this many stocking-point-days lasts 5 to 60 seconds on what we measured: starting one costs nothing beside
# it, and little is lost with it.
POINT_DAYS_PER_TASK = 1e8
BLOCK_LEAST, BLOCK_MOST = 16, 4096


@dataclass(frozen=True)
class Task:
    """A piece of work that owns whole shards.

    after: cases (places in the plan) whose tasks must be settled first. hardest: the scenario the levers are pulled in,
    filled in when such a task begins.
    """

    id: str
    kind: Literal["play", "summary", "finish"]
    case: int = 0
    block: int = 0
    after: tuple[int, ...] = ()
    hardest: str | None = None


@dataclass(frozen=True)
class Plan:
    """Base case and scenarios, with all variants and levers, in blocks of futures.

    block: futures per task. points: stocking points of the company (own places x products). shocks: rows by scenario.
    posterior: fingerprint of the draws of the parameters, and how they are taken; empty where the tables' are known.
    """

    input_hash: str
    shocks: dict[str, list[dict[str, Any]]]
    draws: int
    seed: int
    block: int
    days: int
    points: int
    keep: tuple[str, ...] = ()
    posterior: tuple[str, ...] = ()
    format: int = FORMAT

    @cached_property
    def hash(self) -> str:
        """SHA-256 of everything that decides the results; 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @cached_property
    def names(self) -> list[str]:
        """Scenarios in the order they were asked for, base apart."""
        return [name for name in self.shocks if name != BASE]

    @cached_property
    def cases(self) -> list[Case]:
        """Joint cases first, base first of all; the levers last."""
        return list(cases(self.names, HARDEST if self.names else None))

    @property
    def joint(self) -> range:
        """Places of the joint cases: also the place of a scenario on the axis `scenario`."""
        return range(1 + len(self.names))

    @property
    def blocks(self) -> int:
        return -(-self.draws // self.block)

    def futures(self, block: int) -> range:
        """Ids of the futures of a block."""
        return range(block * self.block, min((block + 1) * self.block, self.draws))

    @property
    def paths(self) -> int:
        """Futures kept as paths; all of them in the first block, whose task owns the shard."""
        return min(PATHS, self.block, self.draws)

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """In an order in which one worker can do them all; a scenario is summarised as soon as it is played."""
        listed = []
        for place, case in enumerate(self.cases):
            after = tuple(self.joint) if case.variant in LEVERS else ()
            listed += [Task(f"play-{place:03}-{block:05}", "play", place, block, after) for block in range(self.blocks)]
            if place in self.joint:
                listed.append(Task(f"summary-{place:03}", "summary", place, 0, (place,)))
        return (*listed, Task("finish", "finish", after=tuple(range(len(self.cases)))))

    def point_days(self, task: Task) -> int:
        """Stocking-point-days that a task simulates."""
        return len(self.futures(task.block)) * self.points * self.days if task.kind == "play" else 0


def plan_of(
    company: Company,
    scenarios: dict[str, list[rows.Shock]],
    *,
    draws: int,
    seed: int,
    block: int | None = None,
    keep: tuple[str, ...] = (),
    posterior: tuple[str, ...] = (),
) -> Plan:
    """The plan of a stress run. scenarios: shock rows by name, base left out."""
    shocks = {name: [row.model_dump(mode="json", exclude_unset=True) for row in found]
              for name, found in {BASE: [], **scenarios}.items()}  # fmt: skip
    s = structure(company)
    points, days = len(s.nodes) * len(s.products), company.settings.days
    size = min(block, draws) if block else block_of(draws, points * days)
    return Plan(input_hash(company), shocks, draws, seed, size, days, points, tuple(sorted(keep)), posterior)


def block_of(draws: int, point_days: int) -> int:
    """Futures per task: near the wanted length of a task, and a divisor of draws where there is one near it.

    Blocks of one size run one compiled programme; a shorter last one would have to be compiled for itself.
    """
    wanted = int(min(BLOCK_MOST, max(BLOCK_LEAST, POINT_DAYS_PER_TASK // point_days)))
    if draws <= wanted:
        return draws
    even = [size for size in range(wanted // 2, 2 * wanted + 1) if size and draws % size == 0]
    return min(even, key=lambda size: abs(size - wanted), default=wanted)


def rows_of(plan: Plan) -> dict[str, list[rows.Shock]]:
    """The shock rows of every scenario of a plan, base included."""
    return {name: [rows.Shock.model_validate(cells) for cells in found] for name, found in plan.shocks.items()}
