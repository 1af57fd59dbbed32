"""The processes: each folder is one program; they never import each other."""
