"""History in: the data contract, what was known as of a date, and what each cell says of demand."""
