"""`python -m scenarios.sweep.reproduce RUN TASK`: play a task of a run again, and let it fail as it failed."""

import sys
from pathlib import Path

from scenarios.sweep.board import Board, read_plan
from scenarios.sweep.work import Worker


def reproduce(folder: Path, task: str) -> None:
    """Raises KeyError for a task that the plan does not have, and whatever the task raises. Writes as the task does."""
    plan, _ = read_plan(folder)
    found = {one.id: one for one in plan.tasks}[task]
    Worker(folder).perform(Board(folder, plan).resolved(found))


if __name__ == "__main__":
    reproduce(Path(sys.argv[1]), sys.argv[2])
