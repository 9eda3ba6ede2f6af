"""Random companies through the twin and through the oracle; each template has one padded shape and compiles once."""

from collections.abc import Iterable, Iterator

from kernels.native import find_compiler
from tests.twin import adapter, oracle
from tests.twin.random_company import random_case
from twin.assembly import assemble
from twin.engines import native, xla
from twin.network import Sizes

PER_TEMPLATE = 60
# XLA takes a minute for each template: two in CI, all of them where no C++ compiler is (and then alone)
BY_XLA = ("two_dcs", "three_tiers")
# (template, seed) of cases that once differed, kept for ever: the first three by the dues of opening items on weekends,
# then "no supplier limit" rounded below its own charge, then goods spread from absent lanes.
SEEDS = [("chain", 0), ("chain", 3), ("chain", 4), ("two_dcs", 3), ("three_tiers", 1), ("hub", 8)]


def cases(templates: Iterable[str]) -> Iterator[tuple[str, int]]:
    """(template, seed) of every random company of some templates, those that once failed among them."""
    for template in templates:
        seeds = {*range(PER_TEMPLATE), *(seed for name, seed in SEEDS if name == template)}
        yield from ((template, seed) for seed in sorted(seeds))


def rooms(templates: Iterable[str]) -> dict[str, Sizes]:
    """Sizes per template with room for all its companies."""
    found: dict[str, Sizes] = {}
    for template, seed in cases(templates):
        sizes = assemble(adapter.company(random_case(seed, template))).network.sizes
        found[template] = found[template].cover(sizes) if template in found else sizes
    return found


def agree(template: str, seed: int, room: Sizes) -> None:
    """Every figure of every day, bit for bit in exact mode, by every engine that this machine has."""
    case = adapter.canonical(random_case(seed, template))
    model = adapter.model(case, room)
    expected = oracle.play(case)
    engines = [xla] * (template in BY_XLA or not find_compiler()) + [native] * bool(find_compiler())
    for engine in engines:
        days = adapter.play(case, model, engine)
        assert adapter.difference(case, model, days, expected) is None, engine
        assert not days["residuals"].any(), engine
