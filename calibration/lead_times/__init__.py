"""How long suppliers take: orders closed, open and cancelled; families of lead times; pooling; residual life."""
