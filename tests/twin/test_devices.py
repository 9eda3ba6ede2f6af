"""Other processes, with other devices and another order of Python's sets, give the same bytes."""

import hashlib
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from tests.conftest import ROOT

FUTURES, DEVICES = 16, (4, 8)


def digest() -> str:
    """Of all numbers of a small run, on however many devices this process has."""
    from tests.twin import small_shop
    from twin.policies import replenish
    from twin.record import COMPANY
    from twin.simulate import simulate

    model = small_shop.shop()
    run = simulate(
        model.network, replenish, model.policy, small_shop.flat_demand, model.params, model.inputs["base"],
        model.opening, np.arange(FUTURES, dtype=np.uint32), record=COMPANY, block=FUTURES,
    )  # fmt: skip
    return hashlib.sha256(b"".join(np.asarray(x).tobytes() for x in jax.tree.leaves(run))).hexdigest()


def elsewhere(devices: int) -> subprocess.Popen[str]:
    """Another process, which sees so many devices."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    # another order of sets: what depended on it would differ from process to process
    there = os.environ | {"XLA_FLAGS": flags, "PYTHONHASHSEED": str(devices)}
    code = "import tests.conftest, jax; from tests.twin.test_devices import digest; print(jax.device_count(), digest())"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=there, stdout=subprocess.PIPE, text=True)


def assembled() -> str:
    """Of all arrays of a small company."""
    from tests.twin import small_shop

    leaves = jax.tree.leaves(vars(small_shop.shop(rich=True)))
    return hashlib.sha256(b"".join(np.asarray(x).tobytes() for x in leaves if hasattr(x, "dtype"))).hexdigest()


def test_another_order_of_sets_assembles_the_same_company() -> None:
    code = "import tests.conftest; from tests.twin.test_devices import assembled; print(assembled())"
    there = os.environ | {"PYTHONHASHSEED": "2"}
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=there, capture_output=True, text=True, check=True
    )
    assert other.stdout.split() == [assembled()]


@pytest.mark.slow  # each compiles the day anew
@pytest.mark.parametrize("devices", DEVICES)
def test_devices_share_futures_and_give_the_bytes_of_one(devices: int) -> None:
    other = elsewhere(devices)
    mine = digest()
    assert other.communicate()[0].split() == [str(devices), mine]
