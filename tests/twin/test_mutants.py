"""Faults planted in the twin are noticed by its guards: kill rates, and every survivor with its reason.

RELIABILITY.md 1: every row of the posting table dropped, with its legs swapped, doubled, on a wrong account,
a day late; every adjacent pair of steps of the day exchanged. CI plays a sample, `-m slow` everything.
"""

from collections.abc import Sequence

import jax
import numpy as np
import pytest

import twin.day
from tests.twin import mutants
from tests.twin.mutants import FAULTS, PostingMutant
from tests.twin.random_company import TEMPLATES
from twin.ledger import POSTINGS, ROW, posting_table

# Rows whose faults survive, and why: nothing runs them yet.
UNUSED = dict.fromkeys(
    (
        "early discount on stock, store",
        "early discount on goods sold",
        "buyback claim on stock, store",
        "rebate claim",
        "depreciation",
        "interest income",
    ),
    "no rule of the day posts it (DAY.md 11) and the golden journal has no such entry",
)
UNUSED |= dict.fromkeys(("close 4100", "close 6100", "close 7010"), "nothing moves its account, so it closes 0")
UNUSED["transfer out of a store"] = "no random template has a store that supplies another; a hand-worked company has"
# Rows that only the golden journal runs; it has one account for what stands on two of ours, so it cannot see
# the credit on the neighbour.
FOLDED = ("loss in transit", "early discount on stock, dc", "buyback claim on stock, dc")
# Exchanged steps that change nothing, and why.
SAME = {
    ("accrue_interest", "receive"): "interest reads loans and overdue bills; arrivals move neither",
    ("age", "post"): "what ageing posts is still posted before anything reads balances (the post after step 5)",
    ("post", "collect"): "collecting reads rings, not balances, and is posted before paying",
    ("ship", "post"): "ordering and shipping move neither cash nor revolver, all that step 9 reads of the balances",
    ("post", "settle"): "the same; and the post after step 9 posts both",
}


def play_postings(template: str, seeds: Sequence[int], chosen: list[PostingMutant]) -> tuple[dict, np.ndarray]:
    """Which mutants each guard notices in any company, and which rows moved money at all."""
    run = mutants.posting_run()
    # the first is no mutant: the mutated programme must be the twin itself when nothing is wrong
    tables = np.stack([posting_table(), *(m.table for m in chosen)])
    masks = np.stack([np.zeros(len(POSTINGS)), *(m.late for m in chosen)])
    seen = {name: np.zeros(len(chosen), bool) for name in ("oracle", "invariants")}
    moved = np.zeros(len(POSTINGS), bool)
    for guard in mutants.guards(template, seeds):
        series, residuals = jax.tree.map(np.asarray, run(guard.arrays, tables, masks))
        found = mutants.notices(guard, series, residuals)
        for name, noticed in found.items():
            assert not noticed[0], "without a fault nothing is noticed"
            seen[name] |= noticed[1:]
        moved |= (series["amounts"][0] != 0).any(axis=0)
    return seen, moved


def report(title: str, chosen: list, seen: dict[str, np.ndarray]) -> np.ndarray:
    """Print the kill rate of every guard and of all together; returns which mutants died."""
    killed = np.any(list(seen.values()), axis=0)
    print(f"\n{title}: {killed.sum()} of {len(chosen)} mutants killed ({100 * killed.mean():.1f} %)")
    for name, noticed in seen.items():
        print(f"  {name}: {noticed.sum()}")
    return killed


def still(chosen: list[PostingMutant]) -> dict[str, np.ndarray]:
    return {
        "structure of the table": np.array([mutants.table_notices(m) for m in chosen]),
        "golden journal": np.array([mutants.journal_notices(m) for m in chosen]),
    }


def test_posting_mutants_that_need_no_day() -> None:
    """The whole set against the table's structure and the golden journal; a correct row is never noticed."""
    assert not mutants.journal_notices(PostingMutant(0, "none"))
    chosen = mutants.posting_mutants()
    killed = report("posting rows, without the day", chosen, still(chosen))
    alive = {POSTINGS[m.row].name for m, dead in zip(chosen, killed, strict=True) if not dead}
    assert set(UNUSED) <= alive, "nothing but the day could notice them"
    used = {name for rows in mutants.ENTRIES.values() for name in rows}
    noticed = [m for m, dead in zip(chosen, killed, strict=True) if dead and POSTINGS[m.row].name in used]
    assert len(noticed) >= 0.95 * len(FAULTS) * len(used)


def test_posting_mutants_of_a_chain() -> None:
    """A sample: the rows that four random chains move, in every way but the structure's, by the oracle alone."""
    chosen = mutants.posting_mutants()
    seen, moved = play_postings("chain", range(4), chosen)
    of_moved = np.array([moved[m.row] for m in chosen])
    assert moved.sum() >= 35, "most rows of the day are at work"
    report("posting rows, chains, rows at work", [m for m in chosen if moved[m.row]],
           {name: noticed[of_moved] for name, noticed in seen.items()})  # fmt: skip
    alive = [str(m) for m, dead in zip(chosen, seen["oracle"], strict=True) if moved[m.row] and not dead]
    assert alive == []


@pytest.mark.slow
def test_all_posting_mutants() -> None:
    """Every template, every guard; what survives is a row that nothing runs."""
    chosen = mutants.posting_mutants()
    seen = still(chosen)
    moved = np.zeros(len(POSTINGS), bool)
    for template in TEMPLATES:
        found, rows = play_postings(template, range(12), chosen)
        moved |= rows
        for name, noticed in found.items():
            seen[name] = seen.get(name, np.zeros(len(chosen), bool)) | noticed
    killed = report("posting rows, all guards", chosen, seen)
    idle = [entry.name for entry in POSTINGS if not moved[ROW[entry.name]]]
    print("rows that the day did not move:", ", ".join(idle))
    survivors = [m for m, dead in zip(chosen, killed, strict=True) if not dead]
    for m in survivors:
        print(f"  survives: {m} ({UNUSED.get(POSTINGS[m.row].name, 'the golden journal folds both accounts')})")
    unexplained = [str(m) for m in survivors if POSTINGS[m.row].name not in UNUSED]
    assert set(unexplained) <= {f"{name}: wrong account" for name in FOLDED}


def play_order(i: int, template: str, seeds: Sequence[int]) -> dict[str, bool]:
    run, seen = mutants.order_run(i), {"oracle": False, "invariants": False}
    for guard in mutants.guards(template, seeds):
        found = mutants.notices(guard, *run(guard.arrays))
        seen = {name: seen[name] or bool(found[name][0]) for name in seen}
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("i", range(len(twin.day.STEPS) - 1), ids=lambda i: f"{i}")
def test_exchanged_steps(i: int) -> None:
    """Steps i and i + 1 of the day in the wrong order: the oracle notices, or the exchange changes nothing."""
    names = tuple(step.__name__ for step in twin.day.STEPS[i : i + 2])
    seen = play_order(i, "chain", range(24))
    why = f" (survives: {SAME[names]})" if names in SAME else ""
    print(f"\n{names[0]} <-> {names[1]}: {seen}{why}")
    assert seen["oracle"] == (names not in SAME)
