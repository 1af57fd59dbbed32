"""The evaluators' own code on a Kafka, a PostgreSQL and clocks that a seed decides."""
