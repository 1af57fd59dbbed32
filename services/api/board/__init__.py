"""The states of all current windows in memory, and the answers that are made of it."""
