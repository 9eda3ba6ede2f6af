"""Invoices as of a day, counted by stretch; hazards against the truth; open invoices are part of it."""

import jax
import numpy as np
import pandas as pd
import pytest
from numpyro.infer.util import log_density
from scipy import special, stats

from calibration import payments
from calibration.payments import Payments, payment_book, payment_model, payment_table, still_open, stretch

DAY = pd.Timestamp("2024-01-01")


def invoices(*rows: tuple[str, int, int, int | None]) -> pd.DataFrame:
    who, invoiced, due, paid = zip(*rows, strict=True)
    dates = {
        name: DAY + pd.to_timedelta(pd.Series(days, dtype=float), unit="D")
        for name, days in (("invoiced", invoiced), ("due", due), ("paid", paid))
    }
    return pd.DataFrame({"counterparty": who, **dates})


def test_invoices_are_at_risk_until_paid_or_until_the_day_as_of_which_they_are_known():
    book = payment_book(
        invoices(("a", 0, 10, 10), ("a", 0, 10, 15), ("a", 0, 10, 40), ("b", 18, 30, None), ("b", 5, 9, 2)),
        DAY + pd.Timedelta(days=20),
    )
    assert book.counterparties == ("a", "b") and book.open == 2 and book.faulty == 1
    # ten days before the due day, in two stretches; the due day; three days late; then four: one is paid on day 5
    np.testing.assert_array_equal(book.payments.at_risk[0], [9, 21, 3, 6, 2 + 4, 3, 0, 0, 0])
    np.testing.assert_array_equal(book.payments.paid[0], [0, 0, 1, 0, 1, 0, 0, 0, 0])
    # written twelve days before it is due, and three days old
    np.testing.assert_array_equal(book.payments.at_risk[1], [3, 0, 0, 0, 0, 0, 0, 0, 0])
    assert book.payments.paid[1].sum() == 0


def test_counts_give_the_likelihood_of_the_days_of_payment():
    """The binomial counts against the product over days of Allison (1982), up to the binomial coefficients."""
    rng = np.random.default_rng(0)
    frame = invoices(*((f"c{n % 3}", n % 7, n % 7 + 10, n % 7 + 10 + int(rng.integers(-3, 25))) for n in range(60)))
    as_of = DAY + pd.Timedelta(days=25)
    book = payment_book(frame, as_of)
    hazard = rng.uniform(0.02, 0.4, book.payments.at_risk.shape)
    cells = stats.binom.logpmf(book.payments.paid, book.payments.at_risk, hazard).sum()
    cells -= np.log(special.binom(book.payments.at_risk, book.payments.paid)).sum()
    by_invoice = 0.0
    for row in frame.itertuples():
        who = book.counterparties.index(row.counterparty)
        end = min(row.paid, as_of)
        for day in pd.date_range(row.invoiced, end):
            h = hazard[who, stretch(np.array([(day - row.due).days]))[0]]
            by_invoice += np.log(h if day == row.paid else 1 - h)
    assert cells == pytest.approx(by_invoice, rel=1e-10)


def test_tables_and_residual_times_are_those_of_the_hazard():
    hazard = np.array([0.01, 0.02, 0.5, 0.2, 0.1, 0.1, 0.05, 0.05, 0.02])
    table = payment_table(hazard, terms=10, longest=120)
    assert table.sum() == pytest.approx(1.0)
    assert table[10] == pytest.approx(0.99**3 * 0.98**7 * 0.5)
    # given that it is open five days late: the law of the rest, and draws from it
    rest = still_open(hazard, 5, 30)
    assert rest[0] == pytest.approx(0.9) and rest[1] == pytest.approx(0.81)
    conditional = 1 - np.cumsum(table[10 + 6 : 10 + 36]) / table[10 + 6 :].sum()
    np.testing.assert_allclose(rest, conditional, rtol=1e-9)
    u = (np.arange(2000) + 0.5) / 2000
    days = payments.days_to_payment(np.broadcast_to(hazard, (2000, 9)), 5, u)
    assert (days > 7).mean() == pytest.approx(rest[6], abs=1e-3)


def test_the_model_has_the_posterior_of_its_counts():
    """Log joint of the model at a point against SciPy's densities."""
    at_risk = np.array([[40.0, 30, 20, 30, 10, 10, 5, 0, 0], [10, 10, 5, 9, 8, 2, 0, 0, 0]])
    paid = np.floor(at_risk * 0.2)
    rng = np.random.default_rng(0)
    value = {"level": rng.normal(-2.5, 1.0, 9), "spread": rng.uniform(0.2, 1.0, 3), "effect": rng.normal(size=(2, 3))}
    with jax.enable_x64(True):
        total = float(log_density(payment_model, (Payments(at_risk, paid),), {}, value)[0])
    logit = value["level"] + (value["spread"] * value["effect"])[:, payments.PART]
    seen = at_risk > 0
    expected = stats.binom.logpmf(paid[seen], at_risk[seen], 1 / (1 + np.exp(-logit[seen]))).sum()
    expected += stats.norm.logpdf(value["level"], -2.5, 1.5).sum() + stats.norm.logpdf(value["effect"]).sum()
    expected += stats.halfnorm.logpdf(value["spread"]).sum()
    assert total == pytest.approx(expected, rel=1e-9)
