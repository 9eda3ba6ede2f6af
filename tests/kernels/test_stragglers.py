"""The slow rule reaches every element that the fast one left open, and no other, however many there are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.stragglers import decide, whole_batch


@jax.jit
def decided(code, x):
    return decide(code, (x,), lambda code, x: x * x - code)


# one element; less than a row; rows of 480 without a remainder; a prime number, so that the last row is padded
@pytest.mark.parametrize("shape", [(), (1,), (7, 15), (256, 15), (1153,)])
@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_open_elements_are_decided_and_others_left_alone(shape, share):
    rng = np.random.default_rng(1)
    # whole numbers: a contracted multiplication and addition rounds nothing
    x, count = (rng.integers(least, 99, shape).astype(np.float64) for least in (1, 0))
    code = np.where(rng.uniform(size=shape) < share, -1.0 - count, count)
    np.testing.assert_array_equal(decided(code, x), np.where(code < 0, x * x - code, code))


def test_a_batch_is_seen_whole():
    shapes = []

    @whole_batch
    def double(x, y):
        shapes.append(x.shape)
        return x + y

    x, y = np.arange(12.0).reshape(2, 3, 2), np.ones(2)
    found = jax.vmap(jax.vmap(double, (0, None)), (0, None))(x, y)
    np.testing.assert_array_equal(found, x + y)
    assert shapes[-1] == (12,)
    # an argument common to all stays right when another one is batched along a later axis
    found = jax.vmap(double, (None, 1), out_axes=1)(y, jnp.asarray(x[0].T))
    np.testing.assert_array_equal(found, y[:, None] + x[0].T)


def test_what_is_not_marked_is_never_looked_at():
    """A place without demand is no law: NaN there would end the common loop of those that are being decided."""
    x = np.full(36, np.nan)
    x[20:23] = [1.0, 2.0, 3.0]
    found = decide(-np.nan_to_num(x), (x,), lambda code, x: x + 0.0 * jnp.max(x))
    np.testing.assert_array_equal(found, np.nan_to_num(x))
