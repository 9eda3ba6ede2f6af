"""Numba's functions of the peers run as plain Python in these tests: the same lines, and nothing to compile."""

import numba

numba.config.DISABLE_JIT = True
import bench.peers.day  # noqa: E402
import bench.peers.goods  # noqa: E402
import bench.peers.loops  # noqa: E402, F401

# a library that compiles as it is imported would find plain functions where it calls compiled ones
numba.config.DISABLE_JIT = False
