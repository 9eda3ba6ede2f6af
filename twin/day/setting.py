"""What every step of the day is given, how it notes what it did, and the few readings that several steps share."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels import rings
from kernels.ratio import Arithmetic
from kernels.stages import stage
from twin import ledger
from twin.exogenous import Effective, Luck
from twin.ledger import ROW, availability, balance
from twin.network import Days, Network, to_lanes
from twin.policies import Policy
from twin.state import Goods, State, changed
from twin.terms import Bill


class Setting(NamedTuple):
    """Everything a step may read besides the state."""

    network: Network
    days: Days
    effective: Effective
    luck: Luck
    policy: Policy
    parameters: Any
    arithmetic: Arithmetic


class Notes(NamedTuple):
    """What the day has noted so far: postings by row (pending until the next `post`) and fields of Flows."""

    pending: dict[str, Array]
    posted: dict[str, Array]
    fields: dict[str, Array]

    def add(self, entries: dict[str, Array], **fields: Array) -> "Notes":
        return Notes(_merged(self.pending, entries), self.posted, self.fields | fields)


def _merged(amounts: dict[str, Array], more: dict[str, Array]) -> dict[str, Array]:
    return amounts | {name: amounts[name] + more[name] if name in amounts else more[name] for name in more}


def post(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """Bring the pending entries to the accounts."""
    names = sorted(notes.pending)
    rows = np.asarray([ROW[name] for name in names])
    amounts = jnp.stack([notes.pending[name] for name in names])
    # everything after it reads the accounts: they are computed once
    balances = stage(s.days.day >= 0, ledger.post, state.ledger.balances, amounts, s.network.posting[rows])
    state = changed(state, ledger=changed(state.ledger, balances=balances))
    return state, Notes({}, _merged(notes.posted, notes.pending), notes.fields)


def due_slot(s: Setting, ahead: int) -> Array:
    """The slot of today (0) or tomorrow (1) in the rings of dues."""
    return lax.rem(s.days.day + jnp.int32(ahead), jnp.int32(s.network.sizes.due_slots))


def credit_limit(state: State, s: Setting) -> Array:
    """Today's limit of the line: the commitment, or the borrowing base of the last certificate if lower."""
    base = jnp.where(s.network.has_base > 0, state.ledger.base, jnp.inf)
    return jnp.minimum(s.effective.commitment, base)


def headroom(state: State, s: Setting) -> Array:
    """Cash and undrawn line: what may be paid today."""
    balances = state.ledger.balances
    undrawn = availability(credit_limit(state, s), -balance(balances, 2400), state.ledger.default)
    return jnp.maximum(balance(balances, 1000), 0.0) + undrawn


def by_kind(n: Network, row: str, nodes: Array) -> dict[str, Array]:
    """Entries `row` for dcs and stores from cents by (node, product)."""
    cents = jnp.sum(nodes, axis=1)
    return {row.format("dc"): cents @ (1.0 - n.is_store), row.format("store"): cents @ n.is_store}


def by_destination(n: Network, row: str, lanes: Array) -> dict[str, Array]:
    """Entries `row` for dcs and stores from cents by (lane,), by the kind of the lane's destination."""
    store = to_lanes(n.sizes, n.is_store)
    return {row.format("dc"): lanes @ (1.0 - store), row.format("store"): lanes @ store}


def accrue(state: State, notes: Notes, s: Setting, entries: dict[str, Array]) -> tuple[State, Notes]:
    """Expenses owed on account 2100, due after the company's accrual term."""
    slot = s.days.due_accrual
    owed = rings.read(state.dues.accrued, slot) + sum(entries.values())
    dues = changed(state.dues, accrued=rings.replace(state.dues.accrued, slot, owed))
    return changed(state, dues=dues), notes.add(entries)


def untitled(n: Network, g: Goods) -> Array:
    """Units ordered from suppliers whose title has not passed: open, and under DDP in transit. (outside, product)."""
    return g.open[n.outside] + g.in_transit[n.outside] * n.on_arrival[:, None]


def held(n: Network, deposits: Array) -> Array | None:
    """The deposits held, or None where no lane takes any."""
    return deposits if n.sizes.deposits else None


def charge(state: State, s: Setting, charged: Bill) -> State:
    """Owe a bill to its supplier by today's terms, after what the deposit covers."""
    n = s.network
    owed = jnp.matmul(n.supplier, jnp.sum(charged.payable, axis=1), precision="highest")
    suppliers = jnp.arange(n.sizes.suppliers, dtype=jnp.int32)
    dues = changed(state.dues, payables=rings.add(state.dues.payables, s.days.due_supplier, suppliers, owed))
    if n.sizes.deposits:
        rest = state.ledger.deposits - charged.from_deposit
        state = changed(state, ledger=changed(state.ledger, deposits=rest))
    return changed(state, dues=dues)


def input_vat(charged: Bill) -> dict[str, Array]:
    """Entries for the VAT of a bill."""
    from_deposit = jnp.sum(charged.vat_from_deposit)
    return {"input VAT": jnp.sum(charged.vat) - from_deposit, "input VAT from deposit": from_deposit}
