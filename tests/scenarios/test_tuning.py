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
from scenarios.statistics import paired
from scenarios.tuning.changes import HEADINGS, changes, write_changes
from scenarios.tuning.front import AGAINST, sentence, write_pages
from scenarios.tuning.page import CLAIMS, interval, write_page
from scenarios.tuning.prices import write_prices
from scenarios.tuning.run import Asked, with_policy
from scenarios.tuning.words import words_in
from tests.twin import small_shop
from twin.assembly import Model, assemble
from twin.ledger import ACCOUNT, POSTINGS
from twin.tables.read import read
from twin.tables.write import write_workbook
from twin.tune.figures import figures
from twin.tune.gradients import values
from twin.tune.groups import supplied
from twin.tune.measures import Limit, fill_rate, profit
from twin.tune.pareto import Front, Joined, Point
from twin.tune.search import Path as Trail
from twin.tune.shadow import Price
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
    by_formula = {"textbook": figures(found.start), "a tree": "there is no tree"}
    write_page(model, found, listed, by_formula, profit(), tmp_path / "page.html", lang)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    words = words_in(lang)
    assert words["claims"].split("(")[0][:20] in page and page.count("<svg") == len(CLAIMS) + 1
    assert words["unsettled"].format(n=1, m=2, names="cold") in page
    assert "<script" not in page and "nan" not in page.split("<svg")[0]
    assert "there is no tree" in page
    assert interval("profit", paired(figures(found.end)["profit"], by_formula["textbook"]["profit"]), True) in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_front_is_a_picture_a_table_and_a_sentence(model: Model, found: Tuned, tmp_path: Path, lang: str) -> None:
    rng = np.random.default_rng(3)
    today = figures(found.start)

    def point(service: float | None, more: float) -> Point:
        moved = {name: x + more + 0.01 * abs(more) * rng.normal(size=x.shape) for name, x in today.items()}
        return Point(service, found.after, moved)

    best, beaten = point(None, 3.0), point(0.98, -2.0)
    value = Joined(point(None, 0.0), best, point(None, 1.0))
    write_pages(model, value, Front([best], [beaten], {0.999: "too much"}), FUTURES, tmp_path, lang)
    page = (tmp_path / f"front-{lang}.html").read_text(encoding="utf-8")
    words = words_in(lang)
    assert sentence(value, "EUR", words).split("{")[0][:40] in page and "too much" in page and "≥ 98 %" in page
    assert page.count("<svg") == len(AGAINST) and "<script" not in page and ">nan" not in page
    rows = list(openpyxl.load_workbook(tmp_path / f"front-{lang}.xlsx").active.iter_rows(values_only=True))
    assert [row[0] for row in rows[1:]] == [words["today"], words["siloed"], words["joint"]]
    assert rows[3][1] == "company-1.xlsx"
    assert rows[3][5] == pytest.approx(best.figures["profit"].mean())
    nothing = Joined(best, best, best)
    assert sentence(nothing, "EUR", words) == words["joined_zero"]


def test_prices_keep_their_words(tmp_path: Path) -> None:
    found = [Price(of, "S1 P1", "unit", 2.0, 0.5) for of in ("stock", "opening_stock", "commitment", "opening_cash")]
    found += [Price(of, "S1", "day", -1.0, 0.1) for of in ("payment terms", "lead time")]
    write_prices(found, "EUR", tmp_path / "prices.xlsx", "en")
    rows = list(openpyxl.load_workbook(tmp_path / "prices.xlsx").active.iter_rows(values_only=True))
    assert rows[1] == ("order-up-to level", "S1 P1", 2, 0.5, "unit") and len(rows) == len(found) + 1


def test_front_and_prices_name_what_is_wrong(tmp_path: Path, capsys: Any) -> None:
    assert main(["front", str(tmp_path), "--service", "97", "--out", str(tmp_path / "new")]) == EXIT.usage
    assert "as 0.97" in capsys.readouterr().err
    assert main(["front", str(tmp_path), "--out", str(tmp_path)]) == EXIT.usage
    assert main(["prices", str(tmp_path), "--out", "prices.csv"]) == EXIT.usage
    assert ".xlsx" in capsys.readouterr().err


def test_what_a_planner_asks_for_is_what_is_searched(model: Model, found: Tuned) -> None:
    """Each option is one limit, on its own side; the goal is the one that was named."""
    asked = Asked(goal="economic-value", service=0.9, budget=1e3, shelf=40.0, headroom=5.0, covenant=1.0, shortfall=0.1)
    sides = {x.measure.name: (x.least, x.most) for x in asked.limits(model)}
    assert sides == {
        "fill rate": (0.9, None), "stock at cost": (None, 1e3), "units on hand": (None, 40.0),
        "lowest headroom": (5.0, None), "covenant headroom": (1.0, None), "probability of shortfall": (None, 0.1),
    }  # fmt: skip
    dear, free = (values(found.end, (Asked(goal="economic-value", capital_charge=x).measure(),))[0] for x in (0.5, 0.0))
    assert free == pytest.approx(values(found.end, (profit(),))[0]) and dear != free
    assert Asked(goal="headroom").measure().name == "lowest headroom"


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
