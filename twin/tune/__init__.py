"""Tuning: derivatives of the company's outcome in its parameters, and the policies that they lead to.

    goal, service = profit(), Limit(fill_rate(model, by="store"), least=0.96, scale=0.01)
    found = tune(model, goal, (service,), by="store-product")
    found.after, found.held                      # a policy that can be run, and its limits on fresh futures

Search in smooth mode, results from exact mode.
"""

from twin.tune.gradients import Gradient, gradients
from twin.tune.measures import Limit, Measure, fill_rate, lowest_headroom, profit, shortfall
from twin.tune.outcomes import Plan
from twin.tune.parameters import PARAMETERS, Method, NotSmooth
from twin.tune.search import Effort, NotFinite
from twin.tune.seasons import Seasons, tune_seasons
from twin.tune.tuned import Infeasible, Tuned, tune

__all__ = [
    "PARAMETERS",
    "Effort",
    "Gradient",
    "Infeasible",
    "Limit",
    "Measure",
    "Method",
    "NotFinite",
    "NotSmooth",
    "Plan",
    "Seasons",
    "Tuned",
    "fill_rate",
    "gradients",
    "lowest_headroom",
    "profit",
    "shortfall",
    "tune",
    "tune_seasons",
]
