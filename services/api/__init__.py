"""Breach state for people and machines: HTTP and Prometheus, reading only."""
