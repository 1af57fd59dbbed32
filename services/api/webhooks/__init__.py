"""Webhooks: changes are sent to the receivers that somebody has named, signed and in order."""
