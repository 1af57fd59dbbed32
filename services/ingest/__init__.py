"""Any topic's records to the event log, by item; what is no event to the dead letters."""
