"""Who may ask what: keys and tokens, scopes, limits, what was refused, and what was done."""
