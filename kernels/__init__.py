"""Arrays in, arrays out: random bits, quantile functions, exact division, rationing, rings. No word of the business."""
