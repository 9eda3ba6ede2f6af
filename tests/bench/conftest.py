"""Numba's functions run as plain Python in these tests: the same lines, and nothing to compile."""

import numba

numba.config.DISABLE_JIT = True  # before the peers are imported
