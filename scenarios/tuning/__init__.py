"""`tandem tune`: from a company to new levels, why they moved, and what that does on futures the search never saw."""
