"""Period reports: one agreement over a month (or another period), for both of its parties."""
