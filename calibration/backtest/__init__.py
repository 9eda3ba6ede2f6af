"""How far to trust the twin: forecasts from many origins of the past, scored against what then happened."""
