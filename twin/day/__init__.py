"""One day, in order. The only place where goods, money and decisions meet.

STEPS is the day; the rules of each step stand in twin/DAY.md under its number. A step takes the state, what the day
has noted so far, and the setting (network, calendar, today's numbers, luck, policy), and returns the first two.
"""

import jax.numpy as jnp

from twin.day.age import age
from twin.day.close import close
from twin.day.collect import collect
from twin.day.interest import accrue_interest
from twin.day.order import order
from twin.day.pay import pay
from twin.day.receive import receive
from twin.day.sell import sell
from twin.day.setting import Notes, Setting, post
from twin.day.ship import ship
from twin.day.sweep import settle, sweep
from twin.ledger import ROW
from twin.state import Flows, State

STEPS = (
    accrue_interest,  # 1  on opening balances
    receive,  #          2  shipments due today
    sell,  #             3  demand meets stock
    age,  #              4  returns, shrink, expiry, storage
    post,
    collect,  #          5  receivables due today
    post,
    pay,  #              6  what is due today, in classes, never below the line
    post,
    sweep,  #            7  the revolver
    post,
    order,  #            8  wishes from the last tier up, the supplier's limit, the cash gate
    ship,  #             8  stock, lane and dispatch capacity rationed
    post,
    settle,  #           9  bills that step 8 made due today, and the revolver again
    post,
    close,  #           10  write-downs, VAT, tax, default, borrowing base, record
)


def day(state: State, setting: Setting) -> tuple[State, Flows]:
    """Play one day of one future."""
    notes = Notes({}, {}, {})
    for step in STEPS:
        state, notes = step(state, notes, setting)
    nothing = jnp.zeros((), jnp.float64)
    amounts = jnp.stack([notes.posted.get(name, nothing) for name in ROW])
    return state, Flows(amounts=amounts, balances=state.ledger.balances, **notes.fields)
