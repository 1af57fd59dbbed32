"""Bytes to domain values and back: CloudEvents in, the contract's JSON out."""
