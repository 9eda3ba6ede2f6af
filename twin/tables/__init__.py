"""A company as tables: what the columns are, how files are read, checked and written."""
