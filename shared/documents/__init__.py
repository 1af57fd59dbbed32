"""YAML text -> the domain's catalogue, or problems with file, line and suggestion."""
