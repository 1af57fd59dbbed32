"""accord.events and time become breach state."""
