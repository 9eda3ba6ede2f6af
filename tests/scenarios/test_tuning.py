"""What a planner receives of a tuning: a company to upload, changes with reasons, a page; and refusals.

The outcomes here are made up; that a real search ends in these files is seen in the slow test.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from scenarios.cli import main
from scenarios.console import EXIT
from scenarios.tuning.changes import HEADINGS, changes, write_changes
from scenarios.tuning.page import CLAIMS, write_page
from scenarios.tuning.run import with_policy
from scenarios.tuning.words import words_in
from tests.twin import small_shop
from twin.assembly import Model, assemble
from twin.ledger import ACCOUNT, POSTINGS
from twin.tables.read import read
from twin.tables.write import write_workbook
from twin.tune.groups import supplied
from twin.tune.measures import Limit, fill_rate
from twin.tune.search import Path as Trail
from twin.tune.tuned import TERMS, Infeasible, Tuned, held_limits, with_levels

FUTURES, DAYS = 6, 10


@pytest.fixture(scope="module")
def model() -> Model:
    return small_shop.shop()


def outcome(model: Model, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (FUTURES, *np.shape(model.policy.order_up_to))
    demand = rng.gamma(5.0, 2.0, shape)
    return {
        "headroom": rng.normal(1e5, 1e4, (FUTURES, DAYS)),
        "balances": rng.normal(1e5, 1e4, (FUTURES, DAYS, len(ACCOUNT))),
        "amounts": rng.gamma(2.0, 1e4, (FUTURES, len(POSTINGS))),
        "demand": demand,
        "met": 0.95 * demand,
        "on_hand": demand,
        "lost": 0.05 * demand,
        "backorders": 0.0 * demand,
    }


@pytest.fixture(scope="module")
def found(model: Model) -> Tuned:
    rng = np.random.default_rng(0)
    shape = np.shape(model.policy.order_up_to)
    level = np.where(supplied(model), model.policy.order_up_to + rng.integers(-3, 9, shape), model.policy.order_up_to)
    none = np.zeros(0)
    end = outcome(model, 2)
    limit = Limit(fill_rate(model, "store"), least=0.9, scale=0.01)
    return Tuned(
        before=model.policy,
        after=with_levels(model, level),
        names=["cold", "dry"],
        path=Trail({}, none, none, none, {}),
        start=outcome(model, 1),
        end=end,
        held=held_limits((limit,), end),
        terms={name: rng.normal(size=shape) for name in TERMS},
        unsettled=["cold"],
    )


def test_the_company_to_upload_holds_the_new_levels(model: Model, found: Tuned, tmp_path: Path) -> None:
    tuned = with_policy(model.company, model, found.after)
    write_workbook(tuned, tmp_path / "company.xlsx")
    again = assemble(read(tmp_path / "company.xlsx").company, {})
    mine = supplied(model)
    assert np.array_equal(again.policy.order_up_to[mine], found.after.order_up_to[mine])
    assert np.array_equal(again.policy.reorder_point[mine], found.after.reorder_point[mine])
    assert np.array_equal(again.policy.period, model.policy.period)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_changes_and_page(model: Model, found: Tuned, tmp_path: Path, lang: str) -> None:
    listed = changes(model, found)
    assert len(listed) == supplied(model).sum()
    assert all(abs(a.value) >= abs(b.value) for a, b in pairwise(listed))
    write_changes(listed, "EUR", tmp_path / "changes.xlsx", lang)
    rows = list(openpyxl.load_workbook(tmp_path / "changes.xlsx").active.iter_rows(values_only=True))
    assert len(rows) == len(listed) + 1 and len(rows[0]) == len(HEADINGS)
    for row, change in zip(rows[1:], listed, strict=True):
        assert row[4] == row[3] - row[2] == change.new - change.old
        (_, first), (_, second) = change.reasons
        every = sorted((abs(float(x[model.structure.node[change.node], model.structure.product[change.product]]))
                        for x in found.terms.values()), reverse=True)  # fmt: skip
        assert [abs(first), abs(second)] == every[:2]
    write_page(model, found, listed, FUTURES, tmp_path / "page.html", lang)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    words = words_in(lang)
    assert words["claims"].split("(")[0][:20] in page and page.count("<svg") == len(CLAIMS) + 1
    assert words["unsettled"].format(n=1, m=2, names="cold") in page
    assert "<script" not in page and "nan" not in page.split("<svg")[0]


def test_limits_that_are_missed_are_named(found: Tuned, model: Model) -> None:
    held = held_limits((Limit(fill_rate(model), least=0.999, scale=0.01),), found.end)
    assert held[0].missed > 0
    assert "fill rate reaches 0.95" in str(Infeasible(held)) and "0.999" in str(Infeasible(held))


def test_an_out_folder_that_is_there_is_refused(tmp_path: Path, capsys: Any) -> None:
    assert main(["tune", str(tmp_path), "--out", str(tmp_path)]) == EXIT.usage
    assert "is there already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_tuning_from_command_to_files(tmp_path: Path, capsys: Any) -> None:
    """A company of two shops: the limit holds on fresh futures, the workbook can be read, one that no stock can meet
    ends with exit 4 and writes nothing.
    """
    shop, out = tmp_path / "shop", tmp_path / "tuned"
    assert main(["new", str(shop), "--stores", "2", "--products", "3", "--days", "365"]) == EXIT.done
    asked = ["tune", str(shop), "--steps", "12", "--draws", "32", "--by", "category"]
    assert main([*asked, "--service", "0.9", "--out", str(out)]) == EXIT.done
    assert sorted(path.name for path in out.iterdir()) == ["changes.xlsx", "company.xlsx", "tuning-en.html"]
    assert read(out / "company.xlsx").company.policies
    assert main([*asked, "--service", "1.0", "--budget", "1000", "--out", str(tmp_path / "none")]) == EXIT.impossible
    assert "least violation found" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
