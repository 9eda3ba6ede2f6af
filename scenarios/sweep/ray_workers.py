"""The executor for clusters: Ray, an optional extra. A long-lived actor per device; only status crosses the wire.

Address and ports are Ray's own matter: RAY_ADDRESS names a cluster, without it one is started on this machine. All
hosts must see the run's folder under the same path. (CLUSTER.md 3: actors, since a Ray task would compile anew each
time; worker deaths are counted here, since Ray would retry a task that kills its worker for ever.)
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from scenarios.sweep.board import Board
from scenarios.sweep.executors import Ended, Executor, Limit, TimeUp
from scenarios.sweep.plan import Task
from scenarios.sweep.work import Worker, quarantine

DEATHS_MOST = 3  # a task that has killed so many workers is put aside
LOOK_SECONDS = 1.0  # how often new nodes are looked for


class NoRay(Exception):
    """The extra is not installed."""


class WorkerDied(Exception):
    """The process that worked on a task ended with it."""


@dataclass
class Crew:
    """The actors that are up, what each of them does, and how often a task has killed one."""

    ray: Any
    actor: Any
    folder: Path
    most: int | None
    needs: dict[str, float]
    busy: dict[Any, tuple[Any, Task]] = field(default_factory=dict)  # reference -> (actor, task)
    idle: list[Any] = field(default_factory=list)
    deaths: dict[str, int] = field(default_factory=dict)
    looked: float = -LOOK_SECONDS

    @property
    def size(self) -> int:
        return len(self.busy) + len(self.idle)

    def grow(self) -> None:
        """Another actor wherever a device is free: at the start, after a death, and when a node has joined."""
        if time.monotonic() - self.looked < LOOK_SECONDS and self.size:
            return
        self.looked = time.monotonic()
        free, total = self.ray.available_resources(), self.ray.cluster_resources()
        # what is free lags behind the actors that are starting: never more than the whole cluster can hold
        room = min(
            min(int(free.get(name, 0) // amount), int(total.get(name, 0) // amount) - self.size)
            for name, amount in self.needs.items()
        )
        for _ in range(room if self.most is None else min(room, self.most - self.size)):
            self.idle.append(self.actor.remote(str(self.folder)))

    def start(self, task: Task) -> None:
        actor = self.idle.pop()
        self.busy[actor.attempt.remote(task)] = (actor, task)

    def ended(self) -> Iterator[tuple[Task, Any]]:
        """What has ended within a second: the task and its result, None where its worker died."""
        done, _ = self.ray.wait(list(self.busy), num_returns=1, timeout=LOOK_SECONDS)
        for reference in done:
            actor, task = self.busy.pop(reference)
            try:
                found = self.ray.get(reference)
            except self.ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except self.ray.exceptions.RayActorError:
                yield task, None
                continue
            self.idle.append(actor)
            yield task, found


def ray_workers(
    workers: int | None = None, gpu: bool = False, cpus: float = 1.0, make: Callable[[Path], Worker] = Worker
) -> Executor:
    """At most `workers` actors (default: one per GPU, or one per `cpus` cores), more when nodes join.

    Raises NoRay, TimeUp, and what stops the whole run. A task whose worker dies is done by another one.
    """
    try:
        import ray
    except ImportError as error:
        raise NoRay("Ray is not installed: pip install 'tandem-twin[ray]'") from error

    class Actor:
        """Holds a compiled company for as long as the run lasts."""

        def __init__(self, folder: str) -> None:
            self.folder, self.worker = Path(folder), cast(Worker | None, None)

        def attempt(self, task: Task) -> tuple[Any, Any, str]:
            # made here, not at the start: what is wrong with the run is then no death of a worker
            self.worker = self.worker or make(self.folder)
            return (*self.worker.attempt(task), f"{ray.get_runtime_context().get_node_id()[:8]}-{os.getpid()}")

    # without a GPU of its own an actor would see all of them (Ray leaves CUDA_VISIBLE_DEVICES unset)
    environment = {} if gpu else {"env_vars": {"JAX_PLATFORMS": "cpu"}}
    actor = ray.remote(Actor).options(num_gpus=int(gpu), num_cpus=cpus, max_restarts=0, runtime_env=environment)
    needs = {"CPU": cpus} | ({"GPU": 1.0} if gpu else {})

    def execute(folder: Path, board: Board, limit: Limit, begins: Callable[[Task], None]) -> Iterator[Ended]:
        started = not ray.is_initialized()
        if started:
            told_to_end = signal.getsignal(signal.SIGTERM)
            ray.init(log_to_driver=False, include_dashboard=False)
            signal.signal(signal.SIGTERM, told_to_end)  # Ray's own would end without a word
        crew = Crew(ray, actor, folder.resolve(), workers, needs)
        try:
            yield from _through(crew, board, limit, begins)
        finally:
            if started:
                ray.shutdown()

    return execute


def _through(crew: Crew, board: Board, limit: Limit, begins: Callable[[Task], None]) -> Iterator[Ended]:
    again: list[Task] = []  # taken, but not begun
    up: TimeUp | None = None
    while True:
        while up is None and (task := again.pop() if again else board.take()):
            crew.grow()
            try:
                limit.check(task)
            except TimeUp as error:
                up = error
            if up or not crew.idle:
                again.append(task)
                break
            begins(task)
            crew.start(task)
        if not crew.busy and up is not None:
            raise up
        if not crew.busy and not again:
            return
        if not crew.busy:
            time.sleep(LOOK_SECONDS)
            continue
        for task, found in crew.ended():
            if found is not None:
                yield Ended(task, *found)
            elif crew.deaths.setdefault(task.id, 0) + 1 < DEATHS_MOST:
                crew.deaths[task.id] += 1
                again.append(task)
            else:
                died = WorkerDied(f"its worker died {DEATHS_MOST} times")
                yield Ended(task, None, quarantine(crew.folder, board.plan, task, died), "none")
