"""The operations: a file for what they are about."""
