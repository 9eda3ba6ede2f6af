"""Settings of every test: a compilation cache beside the repository, strict JAX where our own physics is under test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parent.parent
STRICT = ("kernels", "twin", "scenarios")

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_compilation_cache_dir", str(ROOT / ".cache" / "jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


@contextmanager
def strict() -> Iterator[None]:
    """Also for fixtures that live longer than a test: another context would trace and compile everything again."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"), jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True)
def strict_jax(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ranks do not promote and dtypes do not mix in our physics; optax, flax and NumPyro keep JAX's defaults."""
    folder = Path(request.fspath).relative_to(ROOT / "tests").parts[0]
    if folder not in STRICT:
        yield
        return
    with strict():
        yield


@pytest.fixture
def data() -> Path:
    """The folder of real data, which is never part of the project."""
    folder = os.environ.get("TANDEM_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TANDEM_DATA does not name the folder of real data")
    return Path(folder)
