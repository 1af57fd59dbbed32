"""Prometheus' rules that depend on the agreements: recordings and burn-rate alerts."""
