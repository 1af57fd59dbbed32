"""HTTP itself: callers, bodies, limits, cursors, problems, and what stands around every request."""
