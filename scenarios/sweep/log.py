"""How a run is going: one line of JSON per event for machines, one running tally for people."""

import json
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenarios import store
from scenarios.sweep.plan import Plan, Task


class Log:
    """A file of this process alone, so that no two drivers write one; a line is whole or is not there."""

    def __init__(self, folder: Path) -> None:
        (folder / store.LOGS).mkdir(exist_ok=True)
        self.path = folder / store.LOGS / f"{socket.gethostname()}-{os.getpid()}.jsonl"

    def __call__(self, event: str, **facts: Any) -> None:
        line = json.dumps({"time": round(time.time(), 3), "event": event, **facts}, ensure_ascii=False)
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")


@dataclass
class Tally:
    """Tasks and stocking-point-days, done and to do by this driver; the clock starts with it."""

    plan: Plan
    tasks: int
    point_days: int
    done: int = 0
    point_days_done: int = 0
    quarantined: int = 0
    label: str = ""
    began: float = field(default_factory=time.monotonic)

    def add(self, task: Task, poisoned: bool) -> None:
        self.done += 1
        self.quarantined += poisoned
        self.point_days_done += self.plan.point_days(task)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def rate(self) -> float:
        """Stocking-point-days a second, compiling included."""
        return self.point_days_done / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """None until a task has been timed."""
        return (self.point_days - self.point_days_done) / self.rate if self.point_days_done else None
