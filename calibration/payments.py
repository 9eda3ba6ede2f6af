"""When invoices are paid: a daily hazard in days past due, by counterparty, with open invoices censored.

A discrete-time hazard needs no more than counts: how many invoices were open on a day past due, and how many of them
were paid that day (Allison, Sociol. Methodol. 13 (1982), 61-98). An open invoice counts at risk up to its age. Leaving
open invoices out would keep the prompt payers.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

# First days past due of the stretches over which the hazard is constant, and whether they are early, due or late.
STRETCHES = (-10_000, -7, 0, 1, 4, 8, 15, 31, 61)
EARLY, DUE, LATE = range(3)
PART = np.array([EARLY, EARLY, DUE, LATE, LATE, LATE, LATE, LATE, LATE])


class Payments(NamedTuple):
    """What the model takes; axes (counterparty, stretch)."""

    at_risk: np.ndarray  # invoice-days
    paid: np.ndarray  # invoices


@dataclass(frozen=True)
class PaymentBook:
    """Counts with their names; `faulty` invoices were paid before they were written and are left out."""

    payments: Payments
    counterparties: tuple[str, ...]
    open: int
    faulty: int


def payment_book(invoices: pd.DataFrame, as_of: pd.Timestamp) -> PaymentBook:
    """Count invoices as of the end of a day: counterparty, invoiced, due, paid (dates; missing where open)."""
    known = invoices[invoices["invoiced"] <= as_of]
    paid = known["paid"].where(known["paid"] <= as_of)
    faulty = (paid < known["invoiced"]).to_numpy()
    known, paid = known[~faulty], paid[~faulty]
    first = (known["invoiced"] - known["due"]).dt.days.to_numpy()
    last = (paid.fillna(as_of) - known["due"]).dt.days.to_numpy()
    settled = paid.notna().to_numpy()

    starts = np.array(STRETCHES)
    ends = np.append(starts[1:] - 1, 10**6)
    days = np.minimum(last[:, None], ends) - np.maximum(first[:, None], starts) + 1
    names, who = np.unique(known["counterparty"].to_numpy(str), return_inverse=True)
    at_risk, count = (np.zeros((len(names), len(starts))) for _ in range(2))
    np.add.at(at_risk, who, np.maximum(days, 0))
    np.add.at(count, (who[settled], stretch(last[settled])), 1)
    return PaymentBook(Payments(at_risk, count), tuple(names.tolist()), int((~settled).sum()), int(faulty.sum()))


def stretch(days_past_due: np.ndarray) -> np.ndarray:
    """Index of the stretch that a day past due lies in."""
    return np.searchsorted(STRETCHES, days_past_due, side="right") - 1


def payment_model(payments: Payments) -> None:
    """Counts as binomials; site `hazard` is (counterparty, stretch), a probability a day.

    Counterparties differ before, on and after the due day, each with its own effect.
    """
    counterparties, stretches = payments.at_risk.shape
    with numpyro.plate("stretch", stretches):
        level = numpyro.sample("level", dist.Normal(-2.5, 1.5))
    with numpyro.plate("part", 3):
        spread = numpyro.sample("spread", dist.HalfNormal(1.0))
    effect = numpyro.sample("effect", dist.Normal().expand([counterparties, 3]).to_event(2))
    logit = level + (spread * effect)[:, PART]
    numpyro.deterministic("hazard", jax.nn.sigmoid(logit))
    seen = payments.at_risk > 0
    cells = dist.Binomial(jnp.where(seen, payments.at_risk, 1.0), logits=logit)
    with numpyro.handlers.mask(mask=seen):
        numpyro.sample("paid", cells.to_event(0), obs=jnp.asarray(payments.paid))


def still_open(hazard: np.ndarray, age: int, days: int) -> np.ndarray:
    """(.., day) P(an invoice open `age` days past due is still open 1, 2, .. `days` days later).

    hazard: (.., stretch), for instance (draw, counterparty, stretch).
    """
    return np.cumprod(1.0 - hazard[..., stretch(age + np.arange(1, days + 1))], axis=-1)


def days_to_payment(hazard: np.ndarray, age: int, u: np.ndarray, longest: int = 3650) -> np.ndarray:
    """Whole days until an invoice open at `age` days past due is paid; u: uniform numbers of hazard's leading axes."""
    return 1 + (still_open(hazard, age, longest) > u[..., None]).sum(axis=-1)


def payment_table(hazard: np.ndarray, terms: int, longest: int) -> np.ndarray:
    """(.., day) share of an invoice's probability that is paid 0, 1, .. `longest` days after it was written.

    What is not paid by then is paid on the last day: the twin's legs add up to one.
    """
    open_after = np.cumprod(1.0 - hazard[..., stretch(np.arange(longest + 1) - terms)], axis=-1)
    open_after[..., -1] = 0.0
    before = np.concatenate([np.ones_like(open_after[..., :1]), open_after[..., :-1]], axis=-1)
    return before - open_after
