"""Pages of a calibration that a controller and a data scientist can both read."""
