"""What the company's history says: cleaning, demand and lead-time models, posterior draws, back-tests."""
