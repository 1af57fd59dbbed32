"""A real Kafka, a real PostgreSQL and the services on this machine alone."""
