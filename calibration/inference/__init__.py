"""One way to fit a model to data, whatever the engine: `fit(model, data, engine=...)` gives one kind of result."""

from calibration.inference.fit import fit

__all__ = ["fit"]
