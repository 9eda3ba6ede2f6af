"""The command `tandem`: what it says, where it writes, and the exit code of every kind of failure."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scenarios import console, doctor, store
from scenarios import run as running
from scenarios.cli import main
from scenarios.console import EXIT, explained
from scenarios.sweep import verify
from scenarios.sweep.products import RESULTS
from tests.scenarios.synthetic_run import DRAWS, write_run

ROOT = Path(__file__).parents[2]


def test_help_has_examples(capsys):
    assert main(["--help"]) == 0
    commands = capsys.readouterr().out
    named = "new check stress status verify report scenarios demo calibrate backtest doctor"
    for command in named.split():
        assert command in commands
        assert main([command, "--help"]) == 0
        assert f"tandem {command}" in capsys.readouterr().out


def test_check_counts_what_it_found(shop, capsys):
    assert main(["check", str(shop)]) == EXIT.done
    assert "no faults" in capsys.readouterr().out


def test_faults_are_named_and_exit_with_3(tmp_path, capsys):
    (tmp_path / "nodes.csv").write_text("node,kind\nA,shop\n")
    assert main(["check", str(tmp_path)]) == EXIT.invalid
    assert "nodes.csv:2:kind: found 'shop'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["stres"], "No such command 'stres'. Did you mean 'stress'?"),
        (["stress"], "Missing"),
        (["stress", "{shop}", "--out", "{new}", "--scenarios", "suplier-out"], "did you mean 'supplier-out'?"),
        (["stress", "{shop}", "--out", "{new}", "--scenarios", "supplier-out,supplier-out"], "is asked for twice"),
        (["stress", "{shop}", "--out", "{shop}"], "is there already"),
        (["stress", "{shop}", "--out", "{new}", "--draws", "0"], "Invalid value for '--draws'"),
        (["stress", "{shop}", "--out", "{new}", "--seed", "-1"], "Invalid value for '--seed'"),
        (["stress", "{shop}", "--out", "{new}", "--seed", "1.5"], "'--seed': Input should be a valid integer"),
        (["stress", "{shop}", "--out", "{new}", "--shard", "4/4"], "give I/N with I from 0 to N-1"),
        (["stress", "{shop}", "--out", "{new}", "--device", "gpu"], "no GPU was found"),
        (["stress", "{shop}", "--out", "{new}", "--executor", "slurm"], "'slurm' is not one of 'inline', 'ray'"),
        (["new", "{shop}"], "is there already"),
        (["scenarios", "{shop}", "--out", "mine.txt"], "ends in .yaml, .yml, .csv"),
        (["scenarios", "--out", "mine.yaml"], "needs a company"),
    ],
)
def test_wrong_use_exits_with_2(arguments, says, shop, tmp_path, capsys):
    given = [part.format(shop=shop, new=tmp_path / "new") for part in arguments]
    assert main(given) == EXIT.usage
    assert says in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new").exists()


def test_a_folder_without_a_run_exits_with_3(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == EXIT.invalid
    assert str(tmp_path) in capsys.readouterr().err


def test_where_nothing_can_be_written_exits_with_74(shop, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["stress", str(shop), "--out", str(tmp_path / "file" / "run")]) == EXIT.cannot_write
    assert "not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (running.LedgerFault("x"), EXIT.ledger),
        (running.Impossible("x"), EXIT.impossible),
        (running.Partial("x"), EXIT.partial),
        (running.Unfinished("x"), EXIT.again),
        (MemoryError(), EXIT.memory),
        (RuntimeError("RESOURCE_EXHAUSTED: out of memory"), EXIT.memory),
        (PermissionError(13, "Permission denied", "run"), EXIT.cannot_write),
    ],
)
def test_every_failure_has_its_code(error, code):
    assert explained(error)[0] == code


def test_a_fault_of_our_own_leaves_a_log_and_no_traceback(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "findings", lambda: 1 / 0)
    assert main(["doctor"]) == EXIT.ledger
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "ZeroDivisionError" in next(tmp_path.glob("tandem-fault-*.log")).read_text()


def test_an_interrupt_exits_with_130(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "findings", interrupt)
    assert main(["doctor"]) == EXIT.interrupted
    assert "nothing half-written" in capsys.readouterr().err


def test_scenarios_are_written_to_edit_and_read_back(shop, tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    assert main(["scenarios", str(shop), "--out", str(path)]) == EXIT.done
    assert "compound" in path.read_text(encoding="utf-8")
    assert main(["scenarios"]) == EXIT.done
    assert "supplier-out" in capsys.readouterr().out


def test_reports_in_both_languages(tmp_path, capsys):
    run = write_run(tmp_path / "run", ["shock"])
    for lang in ("en", "zh"):
        assert main(["report", str(run), "--out", str(tmp_path), "--lang", lang]) == EXIT.done
        assert (tmp_path / f"report-{lang}.html").stat().st_size > 10_000
        assert (tmp_path / f"tables-{lang}.xlsx").stat().st_size > 5_000


def test_a_finished_run_is_shown_in_one_row_per_scenario(tmp_path, capsys):
    console.verdicts(write_run(tmp_path / "run", ["shock"]))
    *rows, note = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in rows] == ["scenario", "base", "shock"]
    assert f"n = {DRAWS}" in note


def test_doctor_knows_strangers():
    owners = {"kernels": ["kernels", "tandem-twin"], "twin": ["tandem-twin"], "pytest": ["pytest"]}
    assert doctor.strangers(owners, version_of=lambda name: "0.1") == {"kernels": ["kernels 0.1"]}


@pytest.mark.parametrize(
    ("sent", "options", "code"),
    [
        (signal.SIGTERM, [], EXIT.terminated),
        (signal.SIGUSR1, ["--shard", "0/2"], EXIT.again),
    ],
)
def test_a_run_that_is_told_to_end_keeps_what_is_done(sent, options, code, shop, tmp_path):
    out = tmp_path / "run"
    words = ["stress", str(shop), "--out", str(out), "--draws", "50000", *options]
    started = subprocess.Popen(
        [sys.executable, "-m", "scenarios.cli", *words], cwd=ROOT, stderr=subprocess.PIPE,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not (out / store.LOGS).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    started.send_signal(sent)
    _, said = started.communicate(timeout=240)
    assert started.returncode == code, said
    assert b"what is done is kept" in said and b"Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert verify.damages(out) == []
    assert main(["status", str(out)]) == EXIT.partial


@pytest.mark.parametrize(
    ("scheduled", "sent", "code"),
    [(False, "SIGUSR1", EXIT.again), (True, "SIGTERM", EXIT.again), (True, "SIGUSR1", 75)],
)
def test_a_scheduler_is_told_to_run_it_again(scheduled, sent, code, capsys):
    def command() -> None:
        with console.checkpointing(scheduled):
            os.kill(os.getpid(), getattr(signal, sent))
            time.sleep(10)

    assert console.guarded(command) == code
    assert "run the same command again" in capsys.readouterr().err


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(shop, tmp_path, capsys):
    words = ["stress", str(shop), "--out", str(tmp_path / "run"), "--scenarios", "supplier-out", "--dry-run"]
    assert main([*words, "--draws", "10000"]) == EXIT.done
    said = capsys.readouterr().out
    for what in ("tasks", "memory", "results on disk", "time, one worker"):
        assert what in said
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_finished_verified_damaged_and_repaired_from_its_files(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "run")
    assert main(["status", str(copy)]) == EXIT.done
    assert main(["verify", str(copy)]) == EXIT.done
    assert "every byte is what was written" in capsys.readouterr().out
    (copy / RESULTS / "told" / "values" / "c" / "0" / "0" / "0").write_bytes(b"x")
    assert main(["verify", str(copy)]) == EXIT.gate
    assert "told/values/c/0/0/0: changed" in capsys.readouterr().err
    assert main(["verify", str(copy), "--repair"]) == EXIT.partial
    assert "run the same tandem stress again" in capsys.readouterr().err
    assert main(["status", str(copy)]) == EXIT.partial
    for command in ("status", "verify"):
        assert main([command, str(tmp_path)]) == EXIT.invalid


def test_templates_for_clusters_call_what_there_is(capsys):
    main(["stress", "--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    folder = files("scenarios.sweep") / "templates"
    job = YAML(typ="safe", pure=True).load((folder / "kubernetes.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    array = (folder / "slurm.sh").read_text(encoding="utf-8")
    calls = [container["args"][0], *(line for line in array.splitlines() if line.startswith("tandem stress"))]
    assert len(calls) == 2
    for call in calls:
        used = set(re.findall(r"--[a-z-]+", call))
        assert "--shard" in used and used <= known
    assert job["spec"]["completions"] == 64 and "--array=0-63" in array and "/64" in calls[0] and "/64" in calls[1]
    if shutil.which("bash"):
        assert subprocess.run(["bash", "-n"], input=array, text=True).returncode == 0
