"""How a run stands, and whether every byte of it is what was written; both from its files alone."""

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scenarios import store
from scenarios.sweep.board import Board, read_marker, read_plan
from scenarios.sweep.plan import Plan
from scenarios.sweep.products import SCRATCH
from scenarios.sweep.sealed import Damaged, checksum, read_sealed
from scenarios.sweep.work import model_of


@dataclass(frozen=True)
class Standing:
    """How far a run is: tasks by state, seconds of work done, what it was made on, and what failed."""

    plan: Plan
    tasks: dict[str, int]
    complete: bool
    seconds: float
    devices: dict[str, int]
    mixed: bool
    failed: dict[str, str]


def standing(folder: Path) -> Standing:
    """Raises FileNotFoundError where there is no plan, Damaged where it cannot be trusted."""
    plan, _ = read_plan(folder)
    board = Board(folder, plan)
    markers = board.markers.values()
    return Standing(
        plan,
        dict(Counter(board.state(task) for task in plan.tasks)),
        (folder / store.MANIFEST).exists() and "finish" in board.markers,
        sum(marker["seconds"] for marker in markers),
        dict(Counter(str(marker["device"]) for marker in markers)),
        any(marker["mixed"] for marker in markers),
        {task: str(found["error"]) for task, found in board.poisoned.items()},
    )


@dataclass(frozen=True)
class Damage:
    """A file that is not what was written; task: whose work it was, None for what is no task's."""

    path: str
    what: str
    task: str | None = None


def damages(folder: Path) -> list[Damage]:
    """Read every byte of a run and compare it with its checksum. Raises FileNotFoundError, Damaged for the plan."""
    plan, document = read_plan(folder)
    found = [Damage(path, what) for path, what in _differing(folder, document["files"])]
    # no array is opened: what describes them may be what is damaged
    summaries = (task for task in plan.tasks if task.kind == "summary")
    summarised = {task.case for task in summaries if read_marker(folder, plan, task.id)}
    for task in plan.tasks:
        for place in (store.MARKERS, store.QUARANTINE):
            path = folder / place / f"{task.id}.json"
            try:
                marker = read_sealed(path)
            except FileNotFoundError:
                continue
            except Damaged:
                found.append(Damage(f"{place}/{path.name}", "changed", task.id))
                continue
            if marker["plan"] != plan.hash:
                found.append(Damage(f"{place}/{path.name}", "of another plan", task.id))
                continue
            gone = task.kind == "play" and task.case in summarised
            shards = {path: shard["sha256"] for path, shard in marker.get("shards", {}).items()
                      if not (gone and path.startswith(SCRATCH))}  # fmt: skip
            found += [Damage(path, what, task.id) for path, what in _differing(folder, shards)]
    try:
        read_sealed(folder / store.MANIFEST)
    except FileNotFoundError:
        pass
    except Damaged:
        found.append(Damage(store.MANIFEST, "changed"))
    return found


def _differing(folder: Path, wanted: dict[str, str]) -> Iterator[tuple[str, str]]:
    for path, sha256 in wanted.items():
        if not (folder / path).is_file():
            yield path, "missing"
        elif checksum(folder / path) != sha256:
            yield path, "changed"


def repair(folder: Path, found: list[Damage]) -> None:
    """Take away what is damaged, so that the next run makes it again; what was quarantined gets another try.

    Raises Damaged where the inputs are: they cannot be made again.
    """
    plan, document = read_plan(folder)
    lost = [damage.path for damage in found if damage.path.startswith(f"{store.INPUTS}/")]
    if lost:
        raise Damaged(f"{folder}: the company's own tables are damaged ({', '.join(lost)}): run again from the company")
    for damage in found:
        if damage.task:
            (folder / store.MARKERS / f"{damage.task}.json").unlink(missing_ok=True)
        if damage.path not in document["files"]:
            (folder / damage.path).unlink(missing_ok=True)
    for path in [*(folder / store.QUARANTINE).glob("*.json"), *_litter(folder)]:
        path.unlink()
    if any(damage.path in document["files"] for damage in found):
        _lay_out_again(folder, plan, document["files"])
    if len(Board(folder, plan).markers) < len(plan.tasks):
        (folder / store.MANIFEST).unlink(missing_ok=True)


def _litter(folder: Path) -> Iterator[Path]:
    """What writers that were killed have left behind."""
    for pattern in ("**/*.partial", "**/.*.part"):
        yield from folder.glob(pattern)


def _lay_out_again(folder: Path, plan: Plan, files: dict[str, str]) -> None:
    """The descriptions of the arrays, from the plan and the inputs. Raises Damaged where they come out otherwise."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        fresh = Path(temporary)
        store.lay_out(fresh, plan, model_of(plan, folder))
        for path, sha256 in files.items():
            if path.startswith(f"{store.INPUTS}/"):
                continue
            if checksum(fresh / path) != sha256:
                raise Damaged(f"{folder / path} cannot be made again by this version")
            shutil.copyfile(fresh / path, folder / path)


def digest(folder: Path) -> str:
    """SHA-256 over every result of a run: equal for runs of one plan, however they were run."""
    plan, _ = read_plan(folder)
    markers = Board(folder, plan).markers
    shards = {path: shard["sha256"] for marker in markers.values() for path, shard in marker["shards"].items()
              if not path.startswith(SCRATCH)}  # fmt: skip
    return hashlib.sha256("\n".join(f"{path} {shards[path]}" for path in sorted(shards)).encode()).hexdigest()
