"""A running system held against `evaluate` on the events in its topics, number for number."""
