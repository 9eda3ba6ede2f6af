"""stockpyl's simulation of one location under base stock (Snyder, 2023).

It orders after it has seen the demand of the period, so the same system has one period more of lead time.
"""

import numpy as np
from stockpyl.sim import simulation
from stockpyl.supply_chain_network import single_stage_system

from bench.peers.base_stock import HOLDING, LEAD, LEVEL, MEAN, PENALTY


def play(periods: int, seed: int = 0) -> float:
    """Mean stock on hand at the close once the first orders are in."""
    network = single_stage_system(
        local_holding_cost=HOLDING, stockout_cost=PENALTY, demand_type="P", mean=MEAN, shipment_lead_time=LEAD + 1,
        policy_type="BS", base_stock_level=LEVEL, initial_inventory_level=LEVEL,
    )  # fmt: skip
    simulation(network, periods, rand_seed=seed, progress_bar=False)
    levels = [sum(network.nodes[0].state_vars[day].inventory_level.values()) for day in range(LEAD + 1, periods)]
    return float(np.mean(np.maximum(levels, 0.0)))
