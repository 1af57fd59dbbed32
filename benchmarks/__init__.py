"""Measurements on real processes, a real Kafka and a real PostgreSQL; see `make bench`."""
