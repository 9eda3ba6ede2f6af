"""A differentiable base stock in PyTorch, our own writing in HDPO's manner: tensors over the batch, a loop over days.

One thread, so that its speed is that of a core.
"""

from collections.abc import Callable

import torch

from bench.peers.base_stock import BATCH, HOLDING, LEAD, LEVEL, PENALTY, PERIODS, demand


def cost(level: torch.Tensor, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cost a period, and mean stock on hand at the close once the first orders are in. drawn: (period, batch)."""
    periods, batch = drawn.shape
    stock = level.expand(batch)
    position = stock
    pipeline = [torch.zeros(batch) for _ in range(LEAD)]
    paid, held = torch.zeros(()), torch.zeros(())
    for day in range(periods):
        order = torch.clamp(level - position, min=0.0)
        stock = stock + pipeline.pop(0) - drawn[day]
        pipeline.append(order)
        position = position + order - drawn[day]
        on_hand = torch.clamp(stock, min=0.0)
        paid = paid + (HOLDING * on_hand + PENALTY * torch.clamp(-stock, min=0.0)).mean()
        if day > LEAD:
            held = held + on_hand.detach().mean()
    return paid / periods, held / (periods - LEAD - 1)


def theirs(batch: int = BATCH, periods: int = PERIODS) -> tuple[Callable[[], tuple[float, float]], Callable[[], float]]:
    """Calls that return (cost, mean stock on hand), and the derivative of cost by the level."""
    torch.set_num_threads(1)
    drawn = torch.from_numpy(demand(batch, periods))

    def play() -> tuple[float, float]:
        with torch.no_grad():
            paid, held = cost(torch.tensor(LEVEL), drawn)
        return float(paid), float(held)

    def both() -> float:
        level = torch.tensor(LEVEL, requires_grad=True)
        (slope,) = torch.autograd.grad(cost(level, drawn)[0], level)
        return float(slope)

    return play, both
