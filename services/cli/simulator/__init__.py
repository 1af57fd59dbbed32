"""A seeded company whose leads and tickets behave like real ones.

Pure: the same seed, start and now give the same records; nothing here reads a clock.
"""
