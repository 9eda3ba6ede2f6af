"""How fast it is, beside peers, in one run."""
