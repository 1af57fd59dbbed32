"""What a running process needs: configuration, time, logs, Kafka, PostgreSQL. Knows no SLA."""
