"""Invoices of a synthetic company: paid on the due day, or later with a daily hazard; open ones at the cut."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration.synthetic.truth import Settings


@dataclass(frozen=True)
class Payer:
    """P(paid on the due day) = on_time; on every later day the still unpaid are paid with probability `hazard`."""

    name: str
    on_time: float
    hazard: float
    terms: int  # days from invoice to due day


def invoices(settings: Settings, seed: int, payers: int = 12) -> tuple[list[Payer], pd.DataFrame]:
    """(the laws, invoices): days counted from the first; `paid` is NaN where open at the cut.

    `true_paid` is the day the company cannot see yet.
    """
    rng = np.random.default_rng([seed, 6])
    laws, frames = [], []
    for number in range(payers):
        law = Payer(
            f"customer-{number + 1:02}", float(rng.beta(6, 3)), float(rng.beta(2, 12)), int(rng.choice([14, 30, 60]))
        )
        invoiced = np.flatnonzero(rng.random(settings.days) < 0.15)
        late = np.where(rng.random(len(invoiced)) < law.on_time, 0, rng.geometric(law.hazard, len(invoiced)))
        amount = np.round(np.exp(rng.normal(7, 0.8, len(invoiced))), 2)
        due = invoiced + law.terms
        laws.append(law)
        frames.append(pd.DataFrame({"counterparty": law.name, "invoiced": invoiced, "due": due, "amount": amount,
                                    "true_paid": due + late}))  # fmt: skip
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(0, "invoice", [f"inv-{n:06}" for n in range(1, len(frame) + 1)])
    frame["paid"] = frame["true_paid"].where(frame["true_paid"] < settings.days)
    return laws, frame
