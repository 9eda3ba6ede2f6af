"""Mutants of the twin, made in process: faults of the posting table, and adjacent steps of the day exchanged.

A posting fault is data (a changed table, a mask of rows that are booked a day late), so hundreds of them run
in one compiled programme. An exchange of steps is another programme. The guards are those of the test suite:
the structure of the table, the golden journal, the daily invariants, and the oracle's balances.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import twin.day
from kernels.ratio import EXACT
from tests.twin import adapter, oracle
from tests.twin.random_company import random_case
from tests.twin.test_ledger import ENTRIES, MERGED, NAMES
from twin.assembly import Model, assemble
from twin.day.setting import Notes, Setting
from twin.exogenous import replay
from twin.ledger import ACCOUNT, CODES, POSTINGS, ROW, posting_table
from twin.network import Sizes
from twin.policies import replenish
from twin.record import Record, nothing
from twin.simulate import play
from twin.state import Flows, State, changed

GOLDEN = json.loads((Path(__file__).parent.parent / "reference" / "golden_ledger.json").read_text())
CLOSE: Any = import_module("twin.day.close")  # it posts by itself; the package's name `close` is its function
# exact mode needs no optimiser to be right, and without it compiles in half the time
QUICK: Any = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
FAULTS = ("dropped", "legs swapped", "doubled", "wrong account", "one day late")


@dataclass(frozen=True)
class PostingMutant:
    """One row of the posting table with one fault."""

    row: int
    fault: str

    def __str__(self) -> str:
        return f"{POSTINGS[self.row].name}: {self.fault}"

    @property
    def late(self) -> np.ndarray:
        return (np.arange(len(POSTINGS)) == self.row) * float(self.fault == "one day late")

    @property
    def table(self) -> np.ndarray:
        table = posting_table()
        if self.fault == "wrong account":  # the credit goes to the neighbour of its account
            at = ACCOUNT[POSTINGS[self.row].credit]
            other = next(i for i in ((at + 1) % len(CODES), at - 1) if table[self.row, i] == 0)
            table[self.row, at], table[self.row, other] = 0.0, -1.0
        table[self.row] *= {"dropped": 0.0, "legs swapped": -1.0, "doubled": 2.0}.get(self.fault, 1.0)
        return table


def posting_mutants() -> list[PostingMutant]:
    return [PostingMutant(row, fault) for row in range(len(POSTINGS)) for fault in FAULTS]


# -------------------- guards that need no day


def table_notices(mutant: PostingMutant) -> bool:
    """As test_ledger: every row has one debit and one credit."""
    weights = mutant.table[mutant.row]
    return sorted(weights[weights != 0]) != [-1.0, 1.0]


HOME = sorted({MERGED.get(code, code) for code in CODES})
# which of the golden journal's accounts each of ours belongs to
FOLDED = np.array([[float(MERGED.get(code, code) == home) for home in HOME] for code in CODES])


@cache
def golden_journal() -> tuple[np.ndarray, np.ndarray]:
    """(entry, row) amounts of the golden journal, and (entry, account) what they add to its own accounts."""
    journal = GOLDEN["journal"]
    amounts, legs = np.zeros((len(journal), len(POSTINGS))), np.zeros((len(journal), len(HOME)))
    for i, entry in enumerate(journal):
        for name, amount in ENTRIES[entry["id"]].items():
            amounts[i, ROW[name]] = amount
        for name, amount in entry["legs"]:
            legs[i, HOME.index(NAMES[name])] += amount
    return amounts, legs


def journal_notices(mutant: PostingMutant) -> bool:
    """As test_ledger: balances after each of the 55 entries. Late: a row's amount comes with the entry after."""
    amounts, legs = golden_journal()
    on_time, late = amounts * (1 - mutant.late), amounts * mutant.late
    booked = on_time + np.concatenate([np.zeros_like(late[:1]), late[:-1]])
    return bool((booked @ mutant.table @ FOLDED != legs).any())


# -------------------- the day with faults


def late_post(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """`post`, but the rows of the mask wait in the policy's memory until tomorrow."""
    names = sorted(notes.pending)
    rows = np.asarray([ROW[name] for name in names])
    amounts = jnp.stack([notes.pending[name] for name in names])
    mask = s.parameters[1][rows]
    held = state.policy.at[1, rows].add(amounts * mask)
    now = dict(zip(names, amounts * (1.0 - mask), strict=True))
    full = notes.pending
    state, notes = twin.day.post(changed(state, policy=held), notes._replace(pending=now), s)
    posted = {
        name: notes.posted[name] - now[name] + full[name] if name in full else amount
        for name, amount in notes.posted.items()
    }
    return state, notes._replace(posted=posted)


def post_held(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """Before step 1: what was held back yesterday."""
    balances = state.ledger.balances + jnp.matmul(state.policy[0], s.network.posting, precision="highest")
    return changed(state, ledger=changed(state.ledger, balances=balances)), notes


def pass_on(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """After step 10: what was held back today is tomorrow's."""
    held = jnp.stack([state.policy[1], jnp.zeros_like(state.policy[1])])
    return changed(state, policy=held), notes


LATE_STEPS = (
    post_held,
    *(late_post if step is twin.day.post else step for step in twin.day.STEPS),
    pass_on,
)


def post_if_any(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """`post`, which may come twice in a row when steps are exchanged."""
    return twin.day.post(state, notes, s) if notes.pending else (state, notes)


def swapped(i: int) -> tuple[Callable[..., Any], ...]:
    """The steps of the day with steps i and i + 1 exchanged."""
    steps = [post_if_any if step is twin.day.post else step for step in twin.day.STEPS]
    steps[i], steps[i + 1] = steps[i + 1], steps[i]
    return tuple(steps)


def _kept(state: State, flows: Flows) -> dict[str, jax.Array]:
    g, d = state.goods, state.dues
    return {
        "balances": flows.balances,
        "on_hand": g.on_hand,
        "open": g.open,
        "headroom": flows.headroom,
        "overdue": d.overdue,
        "arrears": d.arrears,
        "default": state.ledger.default,
        "amounts": flows.amounts,
    }


KEPT = Record(_kept, nothing, nothing)


def programme(steps: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """A compiled run of the day with these steps: (arrays, posting table, late mask) -> (series, residuals)."""

    def run(arrays: Any, posting: jax.Array, late: jax.Array) -> Any:
        network, levels, params, inputs, first = arrays
        first = changed(first, policy=jnp.zeros((2, len(POSTINGS))))
        ordinary, twin.day.STEPS = twin.day.STEPS, tuple(steps)
        CLOSE.post = late_post if late_post in steps else twin.day.post
        try:
            _, series, _, _, worst = play(
                changed(network, posting=posting), lambda p, view: replenish(p[0], view), (levels, late), replay,
                params, inputs, first, jnp.uint32(0), (jnp.uint32(0), jnp.uint32(0)), arithmetic=EXACT, record=KEPT,
            )  # fmt: skip
        finally:
            twin.day.STEPS = ordinary
            CLOSE.post = twin.day.post
        return series, worst

    return run


# -------------------- the companies that guard


@dataclass(frozen=True)
class Guard:
    """A company of the oracle tests: its arrays, and what the oracle says of it."""

    arrays: Any
    model: Model
    case: dict[str, Any]
    records: list[dict[str, Any]]

    def balances(self) -> np.ndarray:
        """(day, account) by the oracle."""
        found = np.zeros((len(self.records), len(CODES)))
        for t, record in enumerate(self.records):
            for code, cents in record["balances"].items():
                found[t, ACCOUNT[code]] = cents
        return found

    def on_hand(self) -> np.ndarray:
        """(day, node, product) by the oracle."""
        s = self.model.structure
        found = np.zeros((len(self.records), len(s.nodes), len(s.products)))
        for t, record in enumerate(self.records):
            for (node, product), units in record["on_hand"].items():
                found[t, s.node[node], s.product[product]] = units
        return found


def guards(template: str, seeds: Sequence[int]) -> Iterator[Guard]:
    """Random companies of one template on one shape."""
    cases = [adapter.canonical(random_case(seed, template)) for seed in seeds]
    room: Sizes | None = None
    for case in cases:
        sizes = assemble(adapter.company(case)).network.sizes
        room = sizes if room is None else room.cover(sizes)
    for case in cases:
        model = adapter.model(case, room)
        inputs = model.inputs.get("case", model.inputs["base"])
        params = jax.tree.map(lambda x: x[0], model.params)
        yield Guard((model.network, model.policy, params, inputs, model.opening), model, case, oracle.play(case))


def notices(guard: Guard, series: dict[str, np.ndarray], residuals: np.ndarray) -> dict[str, np.ndarray]:
    """Which guards see a difference, one truth value per mutant. Leading axis of series and residuals:
    mutant.
    """
    balances = (series["balances"] != guard.balances()).any(axis=(1, 2))
    goods = (series["on_hand"] != guard.on_hand()).any(axis=(1, 2, 3))
    room = (series["headroom"] != np.array([float(record["headroom"]) for record in guard.records])).any(axis=1)
    return {"oracle": balances | goods | room, "invariants": (residuals != 0).any(axis=1)}


def posting_run() -> Callable[..., Any]:
    """All mutants of the posting table at once: (arrays, tables, masks) -> (series, residuals), axis mutant
    first.
    """
    return jax.jit(jax.vmap(programme(LATE_STEPS), in_axes=(None, 0, 0)), compiler_options=QUICK)


def order_run(i: int) -> Callable[..., Any]:
    table, on_time = posting_table(), np.zeros(len(POSTINGS))
    run = jax.jit(partial(programme(swapped(i)), posting=table, late=on_time), compiler_options=QUICK)
    return lambda arrays: jax.tree.map(lambda x: np.asarray(x)[None], run(arrays))
