"""When a movement becomes an invoice and an invoice cash: bills, deposits, legs of a sale, paying in classes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from kernels.ratio import Arithmetic
from kernels.ration import ration, running_sum, split
from twin.ledger import part, priced, share


class Bill(NamedTuple):
    """What a supplier charges when title passes. (outside, product) cents."""

    net: Array
    vat: Array
    net_from_deposit: Array
    vat_from_deposit: Array

    @property
    def payable(self) -> Array:
        return self.net + self.vat - self.net_from_deposit - self.vat_from_deposit

    @property
    def from_deposit(self) -> Array:
        return self.net_from_deposit + self.vat_from_deposit


def taxed(units: Array, price: Array, vat: Array, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """Net and VAT in cents. units, price: (place, product), 1/10000 (place may be 1 long); vat: (product,) ppm."""
    net = priced(units, price, arithmetic)
    return net, share(net, vat[None, :], arithmetic)


def bill(
    units: Array, cost: Array, vat: Array, deposits: Array | None, untitled: Array, arithmetic: Arithmetic
) -> Bill:
    """Charge `units` at today's cost; a deposit held for the units without title pays its part first.

    units, cost, deposits, untitled (units ordered whose title had not passed): (outside, product).
    """
    net, tax = taxed(units, cost, vat, arithmetic)
    if deposits is None:
        none = jnp.zeros_like(net)
        return Bill(net, tax, none, none)
    released = jnp.minimum(net + tax, part(deposits, units, untitled, arithmetic))
    to_net = jnp.minimum(released, net)
    return Bill(net, tax, to_net, released - to_net)


def legs(gross: Array, shares: Array, arithmetic: Arithmetic) -> Array:
    """(channel, leg): the day's gross total of each channel over the legs of its terms. gross: (channel,)."""
    return split(gross, shares, 1, arithmetic, of="value")


def pay(liquidity: Array, claims: list[Array], arithmetic: Arithmetic) -> tuple[list[Array], Array]:
    """Serve classes of claims in order, each from what the earlier ones left; inside a class by rationing.

    claims: one (claimant,) array per class; returns the payments, same shapes, and the liquidity that is left.
    """
    width = max(claim.shape[0] for claim in claims)
    table = jnp.stack([jnp.pad(claim, (0, width - claim.shape[0])) for claim in claims])
    due = jnp.sum(table, axis=1)
    before = running_sum(due, 0) - due
    served = ration(jnp.maximum(liquidity - before, 0.0), table, 1, arithmetic, of="money")
    paid = [served[i, : claim.shape[0]] for i, claim in enumerate(claims)]
    return paid, jnp.maximum(liquidity - jnp.sum(due), 0.0)
