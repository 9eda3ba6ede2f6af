"""A company that cannot fit is refused with the numbers before anything is compiled or written."""

from pathlib import Path

import pytest

from scenarios import example, run
from scenarios.console import EXIT, explained
from twin import plan


def test_what_cannot_fit_is_refused_with_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "memory", lambda: 10_000)
    company = example.generate(2, 3, 365, 2).company
    with pytest.raises(plan.DoesNotFit, match=r"one future takes .* GiB") as refusal:
        run.stress(company, [], tmp_path / "run", draws=4)
    assert not (tmp_path / "run").exists()
    code, message = explained(refusal.value)
    assert code is EXIT.memory and "fewer days, products or stores" in message
