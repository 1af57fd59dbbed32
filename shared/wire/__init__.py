"""Bytes to domain values and back: CloudEvents in, stored timelines, contract JSON out.

Every shape that leaves or enters a process is defined here once, so that two services cannot
read the same bytes differently.
"""
