"""Recalibration week by week: a candidate is fitted, looked at, approved by a person, and only then used.

The posterior in use stays until another one is approved; a candidate that fails a gate can never be. Every step is a
whole folder renamed into place and a line in a log; a crash between two renames is mended by the next step.
"""

import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

IN_USE, CANDIDATE, LOG, KEPT = "posterior.zarr", "candidate.zarr", "calibration.log", "posterior.last"


class NotApproved(Exception):
    """The candidate may not be used; the message says why and what to do."""


class Fitted(NamedTuple):
    """What a fit says of itself, gates by name: `failed` none can waive, `unexplained` wait for a person's reason."""

    as_of: date
    failed: list[str]
    unexplained: tuple[str, ...] = ()


# (start: the posterior in use, or None; where to write the new one) -> what it says of itself.
Refit = Callable[[Path | None, Path], Fitted]


def refit(company: Path, fit: Refit) -> Fitted:
    """Fit a candidate, warm from the posterior in use; nothing that is in use changes. Raises what `fit` raises."""
    _mend(company)
    begun = company / f"{CANDIDATE}.new"
    shutil.rmtree(begun, ignore_errors=True)
    used = company / IN_USE
    found = fit(used if used.is_dir() else None, begun)
    shutil.rmtree(company / CANDIDATE, ignore_errors=True)
    os.replace(begun, company / CANDIDATE)
    _log(company, step="fitted", as_of=found.as_of.isoformat(), failed=found.failed,
         unexplained=list(found.unexplained))  # fmt: skip
    return found


def approve(company: Path, who: str, because: str = "") -> None:
    """Use the candidate from now on; the one in use is kept. because: what is not explained. Raises NotApproved."""
    _mend(company)
    steps = history(company)
    last = steps[-1] if steps else {}
    if not (company / CANDIDATE).is_dir() or last.get("step") != "fitted":
        raise NotApproved(f"{company}: there is no new candidate; fit one first")
    if last["failed"]:
        failed = ", ".join(map(str, last["failed"])) if isinstance(last["failed"], list) else last["failed"]
        raise NotApproved(f"the candidate of {last['as_of']} failed {failed}; the last good posterior stays in use")
    if last.get("unexplained") and not because.strip():
        open_ = ", ".join(map(str, last["unexplained"]))  # type: ignore[call-overload]
        raise NotApproved(f"the candidate of {last['as_of']} failed {open_}: say --because why it may be used; "
                          "the last good posterior stays in use")  # fmt: skip
    if not who.strip():
        raise NotApproved("an approval needs a name")
    if (company / IN_USE).is_dir():
        shutil.rmtree(company / KEPT, ignore_errors=True)
        os.replace(company / IN_USE, company / KEPT)
    os.replace(company / CANDIDATE, company / IN_USE)
    _log(company, step="approved", as_of=last["as_of"], by=who, **({"because": because} if because else {}))


def roll_back(company: Path, who: str) -> None:
    """Use the last good posterior again. Raises NotApproved where none is kept."""
    if not (company / KEPT).is_dir():
        raise NotApproved(f"{company}: no earlier posterior is kept")
    shutil.rmtree(company / CANDIDATE, ignore_errors=True)
    if (company / IN_USE).is_dir():
        os.replace(company / IN_USE, company / CANDIDATE)
    os.replace(company / KEPT, company / IN_USE)
    _log(company, step="rolled back", by=who)


def history(company: Path) -> list[dict[str, object]]:
    """The steps so far, oldest first."""
    path = company / LOG
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def _mend(company: Path) -> None:
    """An approval that was cut off between its renames left the last good posterior aside: it is in use again."""
    if not (company / IN_USE).is_dir() and (company / KEPT).is_dir():
        os.replace(company / KEPT, company / IN_USE)


def _log(company: Path, **step: object) -> None:
    with open(company / LOG, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(step, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
