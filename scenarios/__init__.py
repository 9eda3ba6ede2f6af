"""What may happen, and running it: shocks, the scenario library, stress runs, results, reports, the command line."""
