"""Changes of breaches and states as they happen: the feed of the change log, and `/v1/stream`."""
