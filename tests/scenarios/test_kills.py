"""Processes that are killed without warning: nothing is lost, nothing is torn, and the end is the same bytes.

Method: real processes and a real Ray cluster, playing from the tape of one real run (tests/scenarios/recorded.py).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from scenarios import store
from scenarios.sweep import verify
from scenarios.sweep.board import read_plan
from scenarios.sweep.log import Tally
from scenarios.sweep.ray_workers import ray_workers
from tests.scenarios.recorded import Player
from tests.scenarios.test_sweep import events, same, sweep

ROOT = Path(__file__).parents[2]


def start(tape: Path, shop: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.scenarios.recorded", str(tape), str(shop), str(out), *options]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def markers(out: Path) -> int:
    return len(list((out / store.MARKERS).glob("*.json")))


def killed_often(tape: Path, shop: Path, out: Path, run: Path, kills: int, *options: str) -> None:
    """Start it, kill it at a random time of its work, and so on; then let it end."""
    rng = np.random.default_rng(kills)
    tasks = len(read_plan(run)[0].tasks)
    for kill in range(kills):
        process = start(tape, shop, out, *options, "--pause", "0.05")
        # while it works: between its first new task and what is, at this pace, its share of them
        wanted, deadline = markers(out) + int(rng.integers(0, 1 + tasks // (2 * kills))), time.monotonic() + 120
        while markers(out) <= wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 0.2)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if kill == 0:
            assert markers(out), "it was killed at work"
    _, said = start(tape, shop, out, *options).communicate(timeout=300)
    assert verify.damages(out) == [], said
    same(run, out)
    ended = Counter(event["task"] for event in events(out) if event["event"] == "end")
    assert set(ended.values()) == {1}, "nothing twice"


@pytest.mark.slow
def test_killed_twice_it_ends_with_the_same_bytes(tape, shop, run, tmp_path):
    killed_often(tape, shop, tmp_path / "run", run, 2)


@pytest.mark.slow
def test_killed_fifty_times_it_ends_with_the_same_bytes(tape, shop, run, tmp_path):
    killed_often(tape, shop, tmp_path / "run", run, 50)


@pytest.mark.slow
def test_two_drivers_at_once_one_is_sent_away(tape, shop, run, tmp_path):
    both = [start(tape, shop, tmp_path / "run", "--pause", "0.1") for _ in range(2)]
    said = [process.communicate(timeout=300)[1].decode() for process in both]
    assert sum(process.returncode == 0 for process in both) == 1, said
    assert sum("is being worked on by process" in words for words in said) == 1, said
    same(run, tmp_path / "run")


def workers_of(out: Path) -> list[int]:
    """Processes that have ended a task, the latest last."""
    return [int(event["worker"].split("-")[1]) for event in events(out) if event["event"] == "end"]


@pytest.fixture
def quiet(monkeypatch):
    """Ray without a call home and with our own modules on its workers' path."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_ray_with_two_workers_killed_again_and_again_gives_the_same_bytes(tape, shop, run, tmp_path, quiet):
    """The worker that has ended a task last is killed: at work on the next one, or about to begin it."""
    out, hit = tmp_path / "run", []

    def progress(tally: Tally) -> None:
        if tally.done == 4 * (len(hit) + 1) and len(hit) < 5:
            hit.append(workers_of(out)[-1])
            os.kill(hit[-1], signal.SIGKILL)

    ray_two = ray_workers(2, make=partial(Player, tape, 0.1))
    sweep(shop, out, executor=ray_two, progress=progress)
    same(run, out)
    assert len(set(hit)) == 5 and len(set(workers_of(out))) > 5, "others in place of the dead ones"
    started = Counter(event["task"] for event in events(out) if event["event"] == "start")
    assert sum(started.values()) == len(read_plan(run)[0].tasks) + 5, "only the tasks they were killed in began again"
    ended = Counter(event["task"] for event in events(out) if event["event"] == "end")
    assert set(ended.values()) == {1}, "nothing twice"


def node(cluster, tries=3):
    """Ray gives a node half a minute to come up, which a busy machine may not."""
    for left in reversed(range(tries)):
        try:
            return cluster.add_node(num_cpus=1, include_dashboard=False)
        except Exception:
            if not left:
                raise


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_node_that_joins_later_takes_work(tape, shop, run, tmp_path, quiet):
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    node(cluster)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        out, joined = tmp_path / "run", []

        def progress(tally: Tally) -> None:
            if tally.done == 4 and not joined:
                joined.append(node(cluster))

        sweep(shop, out, executor=ray_workers(make=partial(Player, tape, 1.0)), progress=progress)
        same(run, out)
        nodes = {event["worker"].split("-")[0] for event in events(out) if event["event"] == "end"}
        assert len(nodes) == 2
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_task_that_kills_its_worker_is_put_aside(tape, shop, tmp_path, quiet):
    from scenarios.run import Partial
    from tests.scenarios.recorded import Deadly

    with pytest.raises(Partial, match="died 3 times"):
        sweep(shop, tmp_path / "run", executor=ray_workers(1, make=partial(Deadly, tape, 0.0)))
    (path,) = (tmp_path / "run" / store.QUARANTINE).glob("*.json")
    assert json.loads(path.read_text())["fault"] == "WorkerDied"
