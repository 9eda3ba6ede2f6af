"""Rings against plain Python lists: what is put in comes out on its day, once, and the slots come round again."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import rings

SLOTS, ROWS, COLUMNS = 5, 3, 2

read, read_rows, add = jax.jit(rings.read), jax.jit(rings.read_rows), jax.jit(rings.add)
replace, turn = jax.jit(rings.replace), jax.jit(rings.turn)

amounts = st.lists(st.lists(st.integers(0, 2**40), min_size=COLUMNS, max_size=COLUMNS), min_size=ROWS, max_size=ROWS)
slot = st.integers(0, SLOTS - 1)


def index(i: int) -> np.ndarray:
    return np.asarray(i, np.int32)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_operation_does_what_a_list_does(data):
    ring = jnp.zeros((SLOTS, ROWS, COLUMNS))
    plain = [[[0] * COLUMNS for _ in range(ROWS)] for _ in range(SLOTS)]
    for operation in data.draw(st.lists(st.sampled_from(["add", "replace", "turn"]), min_size=1, max_size=8)):
        what, today = data.draw(amounts), data.draw(slot)
        if operation == "replace":
            ring = replace(ring, index(today), np.array(what, np.float64))
            plain[today] = [list(row) for row in what]
        elif operation == "add":
            # places may repeat: then amounts add up
            slots = data.draw(st.lists(slot, min_size=ROWS, max_size=ROWS))
            rows = data.draw(st.lists(st.integers(0, ROWS - 1), min_size=ROWS, max_size=ROWS))
            ring = add(ring, np.array(slots, np.int32), np.array(rows, np.int32), np.array(what, np.float64))
            for s, r, row in zip(slots, rows, what, strict=True):
                plain[s][r] = [x + y for x, y in zip(plain[s][r], row, strict=True)]
        else:
            ahead = data.draw(st.lists(st.integers(1, SLOTS - 1), min_size=ROWS, max_size=ROWS))
            slots = [(today + days) % SLOTS for days in ahead]
            taken = read_rows(ring, index(today))
            ring = turn(ring, index(today), taken, np.array(slots, np.int32), np.array(what, np.float64))
            plain[today] = [[0] * COLUMNS for _ in range(ROWS)]
            for r, (s, row) in enumerate(zip(slots, what, strict=True)):
                plain[s][r] = [x + y for x, y in zip(plain[s][r], row, strict=True)]
        assert np.asarray(ring).astype(int).tolist() == plain
        some = data.draw(slot)
        assert np.asarray(read(ring, index(some))).astype(int).tolist() == plain[some]
        np.testing.assert_array_equal(read_rows(ring, index(some)), read(ring, index(some)))


def test_shipments_of_many_days_arrive_once_on_their_day():
    # 40 days round a ring of 5 slots, each row with its own lead time of 1 to 4 days, crossing or not
    days, rng = 40, np.random.default_rng(1)
    sent = rng.integers(0, 1000, (days, ROWS, COLUMNS))
    leads = rng.integers(1, SLOTS, (days, ROWS))
    due = np.zeros((days + SLOTS, ROWS, COLUMNS))
    for t in range(days):
        for r in range(ROWS):
            due[t + leads[t, r], r] += sent[t, r]

    def day(ring, now):
        t, sent, leads = now
        slot = jax.lax.rem(t, jnp.int32(SLOTS))
        arrived = rings.read_rows(ring, slot)
        return rings.turn(ring, slot, arrived, jax.lax.rem(t + leads, jnp.int32(SLOTS)), sent), arrived

    def run(sent):
        line = jnp.arange(days, dtype=jnp.int32), sent, leads.astype(np.int32)
        return jax.lax.scan(day, jnp.zeros((SLOTS, ROWS, COLUMNS)), line)

    # two futures, the second with twice the amounts
    ring, arrived = jax.jit(jax.vmap(run))(np.stack([sent, 2 * sent]).astype(np.float64))
    for future in (0, 1):
        np.testing.assert_array_equal(arrived[future], due[:days] * (future + 1))
        # what has not arrived is still under way
        assert float(arrived[future].sum() + ring[future].sum()) == float(sent.sum() * (future + 1))


def test_taking_part_of_a_slot_leaves_the_rest():
    ring = jnp.arange(float(SLOTS * ROWS)).reshape(SLOTS, ROWS)
    taken = np.array([1.0, 0.0, 2.0])
    turned = turn(ring, index(2), taken, np.array([4, 0, 3], np.int32), np.zeros(ROWS))
    np.testing.assert_array_equal(turned[2], np.asarray(ring)[2] - taken)
    assert float(turned.sum()) == float(ring.sum()) - taken.sum()
