"""What of a plan is done, what failed and what comes next, from the files of the run alone."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from scenarios import store
from scenarios.story import hardest
from scenarios.stress import LEVERS
from scenarios.sweep.plan import Plan, Task
from scenarios.sweep.products import SCRATCH
from scenarios.sweep.sealed import Damaged, read_sealed

State = Literal["done", "poisoned", "cancelled", "ready", "waiting"]


class OtherPlan(Exception):
    """The folder holds a run of another plan."""


def read_plan(folder: Path) -> tuple[Plan, dict[str, Any]]:
    """The plan of a run, and the document it stands in. Raises FileNotFoundError, Damaged."""
    document = read_sealed(folder / store.PLAN)
    try:
        plan = Plan(**document["plan"] | {name: tuple(document["plan"][name]) for name in ("keep", "posterior")})
        if plan.hash == document["hash"]:
            return plan, document
    except (KeyError, TypeError):
        pass  # fields of another version
    raise Damaged(f"{folder / store.PLAN} is not a plan this version can read")


def read_marker(folder: Path, plan: Plan, task: str, place: str = store.MARKERS) -> dict[str, Any] | None:
    """The marker of a task, None where there is none that is whole and of this plan."""
    try:
        found = read_sealed(folder / place / f"{task}.json")
    except (FileNotFoundError, Damaged):
        return None
    return found if found["plan"] == plan.hash else None


def complete(folder: Path, marker: dict[str, Any], summarised: bool) -> bool:
    """Every shard is there in its full size; what only the summary needed may be gone once that is written."""
    for path, shard in marker["shards"].items():
        if summarised and path.startswith(SCRATCH):
            continue
        try:
            if os.stat(folder / path).st_size != shard["bytes"]:
                return False
        except FileNotFoundError:
            return False
    return True


class Board:
    """The tasks of a run and how far they are. share: (i, n), the tasks this driver takes: every n-th from the i-th."""

    def __init__(self, folder: Path, plan: Plan, share: tuple[int, int] = (0, 1)) -> None:
        self.folder, self.plan, self.share = folder, plan, share
        self.markers: dict[str, dict[str, Any]] = {}
        self.poisoned: dict[str, dict[str, Any]] = {}
        self.taken: set[str] = set()
        self._hardest: tuple[tuple[str, ...], str] = (), ""
        self._of_case: dict[int, list[Task]] = {}
        for task in plan.tasks:
            if task.kind == "play":
                self._of_case.setdefault(task.case, []).append(task)
        self.refresh()

    def refresh(self) -> None:
        """Look at the files again: other drivers may have gone on."""
        plan, folder = self.plan, self.folder
        read = {task.id: read_marker(folder, plan, task.id) for task in plan.tasks}
        summarised = {
            task.case for task in plan.tasks
            if task.kind == "summary" and (marker := read[task.id]) and complete(folder, marker, False)
        }  # fmt: skip
        self.markers = {}
        for task in plan.tasks:
            marker = read[task.id]
            if marker and complete(folder, marker, task.kind == "play" and task.case in summarised):
                self.markers[task.id] = marker
        quarantined = ((task.id, read_marker(folder, plan, task.id, store.QUARANTINE)) for task in plan.tasks)
        self.poisoned = {id: found for id, found in quarantined if found and id not in self.markers}
        self._drop_levers_of_another()

    def _drop_levers_of_another(self) -> None:
        """A repaired run may find another scenario hardest: its levers have then to be played anew."""
        pulled = [task for task in self.plan.tasks if self._lever(task) and task.id in self.markers]
        if pulled:
            now = self.hardest()
            for task in pulled:
                if self.markers[task.id]["scenario"] != now:
                    del self.markers[task.id]
                    self.markers.pop("finish", None)

    def _lever(self, task: Task) -> bool:
        return task.kind == "play" and self.plan.cases[task.case].variant in LEVERS

    def settle(self, task: str, marker: dict[str, Any] | None, poison: dict[str, Any] | None) -> None:
        """Note the end of a task of ours."""
        self.taken.discard(task)
        if marker is not None:
            self.markers[task] = marker
        if poison is not None:
            self.poisoned[task] = poison

    def played(self, case: int) -> bool:
        return all(task.id in self.markers for task in self._of_case[case])

    def _settled(self, case: int) -> bool:
        return all(task.id in self.markers or task.id in self.poisoned for task in self._of_case[case])

    def hardest(self) -> str | None:
        """The scenario the levers are pulled in: the one that hurts most of those that were played whole."""
        played = tuple(self.plan.cases[place].scenario for place in self.plan.joint[1:] if self.played(place))
        if played and self._hardest[0] != played:
            self._hardest = played, hardest(self.folder, list(played))
        return self._hardest[1] if played else None

    def state(self, task: Task) -> State:
        if task.id in self.markers:
            return "done"
        if task.id in self.poisoned:
            return "poisoned"
        if not all(self._settled(case) or self._cancelled(case) for case in task.after):
            return "waiting"
        if self._lever(task) and self._cancelled(task.case):
            return "cancelled"
        if task.kind == "summary" and not self.played(task.case):
            return "cancelled"
        if task.kind == "finish":
            summaries = [f"summary-{place:03}" for place in self.plan.joint if self.played(place)]
            if not self.played(0):
                return "cancelled"
            if not all(summary in self.markers for summary in summaries):
                return "waiting"
        return "ready"

    def _cancelled(self, case: int) -> bool:
        """Levers with no scenario to pull them in."""
        lever = self.plan.cases[case].variant in LEVERS
        joint = self.plan.joint[1:]
        return lever and all(self._settled(place) for place in joint) and not any(self.played(p) for p in joint)

    def left(self) -> list[Task]:
        """Tasks of this driver's share that are neither done nor given up. The last step is everybody's."""
        i, n = self.share
        mine = (task for number, task in enumerate(self.plan.tasks) if number % n == i or task.kind == "finish")
        return [task for task in mine if self.state(task) in ("ready", "waiting")]

    def take(self) -> Task | None:
        """The next task of ours that can begin, marked as taken."""
        for task in self._pending():
            if self.state(task) == "ready":
                self.taken.add(task.id)
                return self.resolved(task)
        return None

    def resolved(self, task: Task) -> Task:
        """The task with the hardest scenario where it needs to know it."""
        return replace(task, hardest=self.hardest()) if self._lever(task) or task.kind == "finish" else task

    def _pending(self) -> Iterator[Task]:
        i, n = self.share
        for number, task in enumerate(self.plan.tasks):
            known = task.id in self.markers or task.id in self.poisoned or task.id in self.taken
            if not known and (number % n == i or task.kind == "finish"):
                yield task

    def left_out(self) -> list[str]:
        """Cases of which a task failed, as "scenario/variant"."""
        hit = {task.case for task in self.plan.tasks if task.id in self.poisoned}
        return [f"{case.scenario}/{case.variant}" for place, case in enumerate(self.plan.cases) if place in hit]
