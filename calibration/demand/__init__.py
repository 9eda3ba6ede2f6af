"""What customers wanted, from what the tills and shelves recorded: counts, censored where the shelf was empty."""
