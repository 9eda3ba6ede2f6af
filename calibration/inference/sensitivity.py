"""Whether the prior decides: power-scaling sensitivity of the figures that decisions rest on.

Kallioinen, Paananen, Buerkner & Vehtari, Stat. Comput. 34 (2024), 57: the prior is raised to a power alpha near 1,
which reweights the draws by prior^(alpha - 1), and the figure is how fast a quantity's law moves with log2 alpha, as a
cumulative Jensen-Shannon distance. Of a normal law 0.05 is a shift by about a quarter of its spread where the prior
counts twice.

In a hierarchical model only the top is scaled: a site whose prior has other sites for its parameters is part of what is
estimated (items pooled in a population), not a belief somebody put in; nor are the standardised effects in a plate of a
non-centred model. The likelihood's own sensitivity, which would tell a prior that the history contradicts from a
history that says little, is left out: it needs every store-day's shock in every draw. The posterior beside the prior
shows that.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from numpyro import handlers
from scipy import special, stats

from calibration.draws import draws_of
from calibration.inference import arviz
from calibration.inference.problem import Model, Values

CHANCE = 1e-3  # of a prior that has nothing to do with a quantity to be taken for one that has


def log_prior(model: Model, data: Any, tree: xr.DataTree) -> dict[str, np.ndarray]:
    """Top-level site -> (draw,) log density of its prior at the draws of a fit, the chains one after the other.

    On top is what stands in no plate and whose density has no slope in any other site.
    """

    def densities(values: Values, data: Any) -> Values:
        with handlers.seed(rng_seed=0), handlers.substitute(data=values), handlers.trace() as trace:
            model(data)
        free = {name: trace[name] for name in values if not trace[name]["cond_indep_stack"]}
        return {name: jnp.sum(site["fn"].log_prob(site["value"])) for name, site in free.items()}

    with jax.enable_x64(True):
        arrays, draws = jax.tree.map(jnp.asarray, (data, draws_of(tree)))
        # what the priors do not need, likelihood first of all, is never computed
        slopes = jax.jit(jax.jacrev(densities))({name: x[0] for name, x in draws.items()}, arrays)
        top = {
            name: draws[name] for name, by in slopes.items()
            if not any(np.any(slope) for other, slope in by.items() if other != name)
        }  # fmt: skip
        found = jax.jit(jax.vmap(densities, (0, None)))(top, arrays)
    return {name: np.asarray(x) for name, x in found.items()}


def follows(quantity: np.ndarray, log_density: np.ndarray) -> bool:
    """Whether a quantity goes with a density at all, draw by draw; both (draw,).

    Without a relation the sum of the density's ranks, in the order of the quantity, is a Brownian bridge (Kolmogorov);
    place and spread of the quantity show alike.
    """
    if np.ptp(quantity) == 0 or np.ptp(log_density) == 0:
        return False
    ranks = stats.rankdata(log_density)[np.argsort(quantity, kind="stable")]
    worth = min(len(ranks), float(arviz.ess(quantity[None], "bulk")), float(arviz.ess(log_density[None], "bulk")))
    bridge = np.cumsum((ranks - ranks.mean()) / ranks.std()) / len(ranks)
    return bool(special.kolmogorov(np.sqrt(worth) * np.abs(bridge).max()) < CHANCE)


def sensitivity(quantity: np.ndarray, priors: dict[str, np.ndarray]) -> tuple[float, str]:
    """(the figure, the site whose prior moves the quantity most or ""), of draws (draw,) and `log_prior`'s densities.

    Scaled are the priors that the quantity follows. The others would move it by nothing but the luck of these draws,
    which is not little: where 1,000 draws of a log density have a spread of 7 (a deviation known from two stores), a
    quantity that has nothing to do with it seems to move by 0.05. A relation too weak for so many draws to show stays
    out: a correlation below 2 / sqrt(draws).
    """
    told = {site: x for site, x in priors.items() if follows(quantity, x)}
    if not told:
        return 0.0, ""
    most = max(told, key=lambda site: arviz.power_scaling(quantity, told[site]))
    return arviz.power_scaling(quantity, np.sum(list(told.values()), axis=0)), most
