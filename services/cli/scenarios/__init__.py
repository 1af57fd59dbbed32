"""Scenario files: what happens at which time, and what Accord must then say; `accord test`."""
