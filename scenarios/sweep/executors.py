"""Ways through a plan. An executor takes ready tasks from the board, has them done and yields how each one ended.

All of them call `Worker.attempt` and write the same store; this file is the one in process, the definition that the
others are held to.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from scenarios.sweep.board import Board
from scenarios.sweep.plan import Task
from scenarios.sweep.work import Worker


class Ended(NamedTuple):
    """How a task ended: with a marker, or in quarantine. worker: who did it."""

    task: Task
    marker: dict[str, Any] | None
    poison: dict[str, Any] | None
    worker: str = "0"


class TimeUp(Exception):
    """What is left cannot be finished within the time limit."""


@dataclass
class Limit:
    """A time limit in seconds from now: no task begins that cannot be finished before it."""

    seconds: float | None = None
    slack: float = 1.1  # the next task may be a little slower than the slowest so far
    began: float = field(default_factory=time.monotonic)
    longest: dict[str, float] = field(default_factory=dict)

    def learn(self, task: Task, marker: dict[str, Any] | None) -> None:
        if marker is not None:
            self.longest[task.kind] = max(self.longest.get(task.kind, 0.0), float(marker["seconds"]))

    def check(self, task: Task) -> None:
        """Raises TimeUp."""
        if self.seconds is None:
            return
        passed = time.monotonic() - self.began
        if passed + self.slack * self.longest.get(task.kind, 0.0) > self.seconds:
            raise TimeUp(f"{task.id} would not end within the time limit of {self.seconds:g} s")


Executor = Callable[[Path, Board, Limit, Callable[[Task], None]], Iterator[Ended]]


def inline(make: Callable[[Path], Worker] = Worker) -> Executor:
    """One task after the other, in this process. Raises TimeUp, and what stops the whole run."""

    def execute(folder: Path, board: Board, limit: Limit, begins: Callable[[Task], None]) -> Iterator[Ended]:
        worker = None
        while (task := board.take()) is not None:
            limit.check(task)
            begins(task)
            worker = worker or make(folder)
            yield Ended(task, *worker.attempt(task))

    return execute
