"""A run cannot be lost: however it is cut, interrupted, damaged or shared out, it ends with the same bytes or says why.

Method: one real run of a tiny company is recorded; everything else plays from that tape (tests/scenarios/recorded.py),
so that only the day itself is not simulated again.
"""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import zarr

from scenarios import store
from scenarios.console import EXIT, explained
from scenarios.report import write_report
from scenarios.run import Partial, Unfinished, begin, stress
from scenarios.stress import scenario_rows
from scenarios.sweep import machine, reproduce, verify, work
from scenarios.sweep.board import Board, OtherPlan, read_plan
from scenarios.sweep.executors import Limit, TimeUp, inline
from scenarios.sweep.lease import Held, lease
from scenarios.sweep.log import Tally
from scenarios.sweep.plan import HARDEST, Plan, block_of, plan_of
from scenarios.sweep.products import RESULTS
from scenarios.sweep.sealed import Damaged, read_sealed, write_sealed
from scenarios.sweep.work import LedgerFault, Worker
from tests.scenarios import recorded
from tests.scenarios.conftest import BLOCK, DRAWS, NAMES
from twin import invariants
from twin.audit import AT_THE_END
from twin.tables.read import read

SHARDS = 4


@pytest.fixture
def plays(tape):
    """From here to the end of the test no day is simulated."""
    with recorded.playing(tape):
        yield


def sweep(shop: Path, out: Path, **options: Any) -> Path:
    return stress(read(shop).company, NAMES, out, **{"draws": DRAWS, "block": BLOCK, "executor": inline(), **options})


def arrays(run: Path) -> dict[str, bytes]:
    """Every array of the results by its group."""
    groups = sorted(path.parent.name for path in (run / RESULTS).glob("*/values"))
    return {group: np.asarray(zarr.open_array(run / RESULTS, path=f"{group}/values")[:]).tobytes() for group in groups}


def same(run: Path, other: Path) -> None:
    one, two = arrays(run), arrays(other)
    assert one.keys() == two.keys()
    for group in one:
        assert one[group] == two[group], group
    assert verify.digest(run) == verify.digest(other)  # the bytes of the shards, too
    assert store.read_manifest(run)["story"] == store.read_manifest(other)["story"]


def after(tasks: int) -> Callable[[Tally], None]:
    """Interrupts when so many tasks are done and the next one begins."""

    def progress(tally: Tally) -> None:
        if tally.done > tasks:
            raise KeyboardInterrupt

    return progress


def events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in (run / store.LOGS).glob("*.jsonl") for line in path.read_text().splitlines()]


def merge(parts: list[Path], into: Path) -> None:
    """What a person does with shards of several machines: copy them into one folder."""
    for part in parts:
        shutil.copytree(part, into, dirs_exist_ok=True)


# The plan


def test_a_plan_is_pure_and_its_hash_knows_what_matters(shop):
    company = read(shop).company
    rows = scenario_rows(company, NAMES)
    plan = plan_of(company, rows, draws=10, seed=0, block=4)
    assert plan.hash == plan_of(read(shop).company, rows, draws=10, seed=0, block=4).hash
    others = [
        plan_of(company, rows, draws=11, seed=0, block=4), plan_of(company, rows, draws=10, seed=1, block=4),
        plan_of(company, rows, draws=10, seed=0, block=5), plan_of(company, {}, draws=10, seed=0, block=4),
        plan_of(company, rows, draws=10, seed=0, block=4, keep=("daily",)),
    ]  # fmt: skip
    assert len({plan.hash, *(other.hash for other in others)}) == 6
    ids = [task.id for task in plan.tasks]
    assert len(set(ids)) == len(ids)
    assert [list(plan.futures(block)) for block in range(plan.blocks)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    played = Counter((task.case, task.block) for task in plan.tasks if task.kind == "play")
    assert set(played.values()) == {1} and len(played) == len(plan.cases) * plan.blocks
    assert {case.scenario for case in plan.cases} == {"base", *NAMES, HARDEST}


@pytest.mark.parametrize(
    ("draws", "point_days", "block"),
    [(10_000, 365_000, 250), (64, 50_000, 64), (512, 365_000, 256), (10_007, 365_000, 273)],
)
def test_blocks_are_even_where_they_can_be(draws, point_days, block):
    assert block_of(draws, point_days) == block


def test_a_document_shows_every_changed_bit(tmp_path):
    write_sealed(tmp_path / "a.json", {"x": 1.5, "名": ["é", None]})
    whole = (tmp_path / "a.json").read_bytes()
    for place in range(len(whole)):
        for bit in (0, 5):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            (tmp_path / "a.json").write_bytes(changed)
            with pytest.raises(Damaged):
                read_sealed(tmp_path / "a.json")


# The same bytes, however it was run


def test_shards_merged_in_any_order_give_the_same_bytes(shop, run, plays, tmp_path):
    company = read(shop).company
    plan, _ = read_plan(run)
    begin(tmp_path / "empty", plan, company)
    whole = tmp_path / "empty"
    for number in (1, 2):  # joint cases, then what had to wait for them
        parts = []
        for i in (2, 0, 3, 1):
            parts.append(shutil.copytree(whole, tmp_path / f"part-{number}-{i}"))
            with pytest.raises(Unfinished):
                sweep(shop, parts[-1], share=(i, SHARDS))
        whole = tmp_path / f"whole-{number}"
        merge([parts[i] for i in ((3, 0, 2, 1) if number == 1 else (1, 2, 0, 3))], whole)
    same(run, sweep(shop, whole))
    ended = Counter(event["task"] for event in events(whole) if event["event"] == "end")
    assert set(ended.values()) == {1}, "nothing twice"


@pytest.mark.slow
def test_shards_on_one_store_finish_it_between_them(shop, run, plays, tmp_path):
    order = [(i, SHARDS) for i in (3, 1, 0, 2)]
    codes = []
    for share in (*order, *order):
        try:
            sweep(shop, tmp_path / "run", share=share)
            codes.append(0)
        except Unfinished as error:
            codes.append(explained(error)[0])
    assert codes[0] == EXIT.again and codes[-1] == EXIT.done
    same(run, tmp_path / "run")


def test_interrupted_anywhere_it_goes_on_where_it_was(shop, run, plays, tmp_path):
    rng = np.random.default_rng(5)

    def interrupted(left: int):
        def progress(tally: Tally) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt

        return progress

    tries = 0
    while True:
        tries += 1
        try:
            sweep(shop, tmp_path / "run", progress=interrupted(int(rng.integers(3, 20))))
            break
        except KeyboardInterrupt:
            continue
    assert tries > 3
    same(run, tmp_path / "run")
    ended = Counter(event["task"] for event in events(tmp_path / "run") if event["event"] == "end")
    assert set(ended.values()) == {1} and len(ended) == len(read_plan(run)[0].tasks)


def test_a_finished_run_does_nothing_when_run_again(shop, run, plays, tmp_path):
    again = shutil.copytree(run, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (again / RESULTS).rglob("*") if path.is_file()}
    sweep(shop, again)
    assert before == {path: path.stat().st_mtime_ns for path in (again / RESULTS).rglob("*") if path.is_file()}


def test_out_of_memory_halves_inside_the_task(shop, run, plays, tmp_path, monkeypatch):
    plenty, tried = work.run_case, []

    def scarce(model: Any, shocks: Any, case: Any, draws: np.ndarray, **options: Any) -> Any:
        tried.append(options.get("block"))
        if (options.get("block") or 99) > 2:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")
        return plenty(model, shocks, case, draws, **options)

    monkeypatch.setattr(work, "run_case", scarce)
    with pytest.raises(KeyboardInterrupt):
        sweep(shop, tmp_path / "run", progress=after(3))
    assert tried == [None, 2, 2, 2], "halved once and remembered"
    plan, _ = read_plan(run)
    once, now = Board(run, plan).markers, Board(tmp_path / "run", plan).markers
    assert len(now) == 4 and all(now[task]["shards"] == once[task]["shards"] for task in now), "the same bytes"

    def none(*_: Any, **__: Any) -> Any:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(work, "run_case", none)
    worker = Worker(tmp_path / "run")
    with pytest.raises(MemoryError) as error:
        worker.attempt(worker.plan.tasks[0])
    assert explained(error.value)[0] == EXIT.memory


# Who may work on it


def test_a_second_driver_is_sent_away_and_a_shard_is_not(shop, plays, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(TimeUp):
        sweep(shop, out, limit=0.0)
    with lease(out, "driver"):
        with pytest.raises(Held, match=f"process {os.getpid()}") as error:
            sweep(shop, out)
        assert explained(error.value)[0] == EXIT.again
        with pytest.raises(Unfinished):
            sweep(shop, out, share=(0, 1000))


def test_a_store_of_another_plan_is_refused(shop, run, plays, tmp_path):
    before = verify.digest(run)
    with pytest.raises(OtherPlan, match="seed 0 there, 1 here") as error:
        sweep(shop, run, seed=1)
    assert explained(error.value)[0] == EXIT.usage
    with pytest.raises(OtherPlan, match="the scenarios"):
        stress(read(shop).company, NAMES[:1], run, draws=DRAWS, block=BLOCK)
    (tmp_path / "folder").mkdir()
    with pytest.raises(store.OutputExists):
        sweep(shop, tmp_path / "folder")
    assert verify.digest(run) == before


def test_another_device_or_version_is_refused_unless_allowed_and_then_recorded(shop, plays, tmp_path, monkeypatch):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        sweep(shop, out, progress=after(3))
    monkeypatch.setattr(machine, "device_kind", lambda: "another GPU")
    with pytest.raises(machine.Mixed, match="another GPU now") as error:
        sweep(shop, out)
    assert explained(error.value)[0] == EXIT.usage
    with pytest.raises(KeyboardInterrupt):
        sweep(shop, out, allow_mixed=True, progress=after(3))
    plan, _ = read_plan(out)
    kinds = {marker["device"]: marker["mixed"] for marker in Board(out, plan).markers.values()}
    assert kinds["another GPU"] is True and sorted(kinds.values()) == [False, True]
    assert verify.standing(out).mixed


def test_no_block_begins_that_would_not_end_in_time(shop, run, tape, tmp_path):
    out = tmp_path / "run"
    with recorded.playing(tape, pause=0.3), pytest.raises(TimeUp) as error:
        sweep(shop, out, limit=2.0)
    assert explained(error.value)[0] == EXIT.again
    seen = events(out)
    begun = {event["task"] for event in seen if event["event"] == "start"}
    assert begun == {event["task"] for event in seen if event["event"] == "end"} and begun


@pytest.mark.parametrize(("passed", "longest", "begins"), [(5.0, 4.0, True), (5.0, 5.0, False), (11.0, 0.0, False)])
def test_a_block_takes_as_long_as_the_longest_before_it_and_a_tenth(passed, longest, begins, run):
    task = read_plan(run)[0].tasks[0]
    limit = Limit(10.0, began=time.monotonic() - passed)
    limit.learn(task, {"seconds": longest})
    with contextlib.nullcontext() if begins else pytest.raises(TimeUp):
        limit.check(task)


# What fails


@contextlib.contextmanager
def poison() -> Iterator[None]:
    """The second block of one scenario does not tie."""
    honest = work.run_case

    def run_case(model: Any, shocks: Any, case: Any, draws: np.ndarray, **options: Any) -> Any:
        run = honest(model, shocks, case, draws, **options)
        if case.scenario == NAMES[1] and case.variant == "joint" and draws[0] == BLOCK:
            run.residuals[2, 0] = 1.0
        return run

    work.run_case = run_case
    try:
        yield
    finally:
        work.run_case = honest


@pytest.fixture(scope="module")
def poisoned(shop, run, tape, tmp_path_factory):
    out = tmp_path_factory.mktemp("poisoned") / "run"
    with recorded.playing(tape), poison(), pytest.raises(Partial, match=f"{NAMES[1]}/joint is left out") as error:
        sweep(shop, out)
    assert explained(error.value)[0] == EXIT.partial
    return out


def test_a_poisoned_scenario_fails_alone(poisoned, run):
    whole, left = store.joint(run), store.joint(poisoned)
    assert list(left.scenario.values) == ["base", NAMES[0]]
    for name in ("lowest_cash", "survives", "node_met", "place_stock"):
        assert (left[name].values == whole[name].sel(scenario=left.scenario.values).values).all()
    assert store.read_manifest(poisoned)["left_out"] == [f"{NAMES[1]}/joint"]
    write_report(poisoned)
    standing = verify.standing(poisoned)
    assert standing.tasks["poisoned"] == 1 and standing.tasks["cancelled"] == 1


def test_what_is_in_quarantine_says_how_to_see_it_fail(poisoned, plays):
    (path,) = (poisoned / store.QUARANTINE).iterdir()
    found = read_sealed(path)
    assert (found["scenario"], found["variant"], found["futures"]) == (NAMES[1], "joint", [BLOCK, 2 * BLOCK])
    assert found["draws"] == [BLOCK + 2] and found["seed"] == 0 and "I-01" in found["error"]
    assert found["reproduce"].split()[-2:] == [str(poisoned), path.stem]
    with poison(), pytest.raises(LedgerFault, match="I-01"):
        reproduce.reproduce(poisoned, path.stem)


def test_a_repaired_run_takes_the_quarantined_up_again(poisoned, shop, run, plays, tmp_path):
    """The fault is mended by now."""
    mended = shutil.copytree(poisoned, tmp_path / "run")
    verify.repair(mended, verify.damages(mended))
    same(run, sweep(shop, mended))


def test_a_base_case_that_does_not_tie_stops_the_run(shop, plays, tmp_path, monkeypatch):
    monkeypatch.setattr(work.audit, "at_the_end", lambda *_: {"I-11": 1.0})
    for _ in range(2):  # run again it says the same
        with pytest.raises(LedgerFault, match="base, joint: I-11") as error:
            sweep(shop, tmp_path / "run")
        assert explained(error.value)[0] == EXIT.ledger
    assert not (tmp_path / "run" / store.MANIFEST).exists()


def test_residuals_of_every_task_are_in_its_marker(run):
    plan, _ = read_plan(run)
    markers = Board(run, plan).markers
    for task in plan.tasks:
        if task.kind == "play":
            assert markers[task.id]["residuals"] == dict.fromkeys([*invariants.DAILY, *AT_THE_END], 0.0)


def test_a_full_disk_stops_it_and_costs_only_the_block_at_work(shop, run, plays, tmp_path):
    """On a file system of 1.5 MB; with room it goes on from there."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(small)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here (it takes root)")
    try:
        with pytest.raises(OSError, match="No space left") as error:
            sweep(shop, small / "run")
        assert error.value.errno == errno.ENOSPC
        assert explained(error.value)[0] == EXIT.cannot_write
        assert verify.damages(small / "run") == []
        done = verify.standing(small / "run").tasks["done"]
        assert done > 0
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        with pytest.raises(KeyboardInterrupt):  # the block that was lost is done, and the next one
            sweep(shop, small / "run", progress=after(1))
        assert verify.standing(small / "run").tasks["done"] == done + 2
    finally:
        subprocess.run(["umount", str(small)], check=True)


# Damage


def flip(rng: np.random.Generator, run: Path) -> tuple[Path, bytes]:
    """One bit of one file of a run, chosen at random; logs and leases are no results."""
    files = [path for path in sorted(run.rglob("*")) if path.is_file() and path.stat().st_size
             and store.LOGS not in path.parts and not path.name.startswith(".lease")]  # fmt: skip
    path = files[rng.integers(len(files))]
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
    path.write_bytes(changed)
    return path, whole


def flips(run: Path, count: int) -> None:
    rng = np.random.default_rng(count)
    for _ in range(count):
        path, whole = flip(rng, run)
        try:
            found = [damage.path for damage in verify.damages(run)]
        except Damaged as error:
            found = [str(error).split()[0].removeprefix(f"{run}/")]
        assert str(path.relative_to(run)) in found, f"silent: {path}"
        path.write_bytes(whole)
    assert verify.damages(run) == []


def test_no_flipped_bit_is_silent(run, tmp_path):
    flips(shutil.copytree(run, tmp_path / "run"), 15)


@pytest.mark.slow
def test_none_of_200_flipped_bits_is_silent(run, tmp_path):
    flips(shutil.copytree(run, tmp_path / "run"), 200)


def test_what_was_damaged_is_made_again(shop, run, plays, tmp_path):
    hurt = shutil.copytree(run, tmp_path / "run")
    shards = sorted((hurt / RESULTS).rglob("c/**/*"))
    files = [path for path in shards if path.is_file()]
    files[3].write_bytes(files[3].read_bytes()[:-7])  # torn
    files[7].unlink()  # lost
    (hurt / RESULTS / "summary" / "values" / "zarr.json").write_text("{}")
    summaries = [path for path in files if "summary" in path.parts]
    summaries[0].write_bytes(bytes(len(summaries[0].read_bytes())))  # zeroes
    (hurt / store.MARKERS / "play-004-00001.json").write_text("{")
    found = verify.damages(hurt)
    assert len(found) == 5
    verify.repair(hurt, found)
    assert not verify.standing(hurt).complete
    same(run, sweep(shop, hurt))
    assert verify.damages(hurt) == []


def test_tables_that_were_damaged_cannot_be_repaired(run, tmp_path):
    hurt = shutil.copytree(run, tmp_path / "run")
    path = next((hurt / store.INPUTS).glob("nodes.*"))
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(Damaged, match="run again from the company"):
        verify.repair(hurt, verify.damages(hurt))


def test_other_code_cannot_read_a_plan_it_does_not_understand(run, tmp_path):
    hurt = shutil.copytree(run, tmp_path / "run")
    document = read_sealed(hurt / store.PLAN)
    for other in ({"draws": DRAWS + 1}, {"novel": 1}):
        write_sealed(hurt / store.PLAN, document | {"plan": document["plan"] | other})
        with pytest.raises(Damaged):
            read_plan(hurt)
    assert isinstance(read_plan(run)[0], Plan)
