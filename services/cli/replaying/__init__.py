"""Rebuilding everything that is stored in a schema of its own, and holding the two together."""
