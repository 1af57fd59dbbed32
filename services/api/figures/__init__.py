"""What Prometheus reads: the series of promises and of this process."""
