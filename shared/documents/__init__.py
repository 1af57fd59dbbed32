"""YAML text -> the domain's catalogue, or problems with file, line and suggestion."""

from shared.documents.catalogue import Loaded, load
from shared.documents.problems import Problem

__all__ = ["Loaded", "Problem", "load"]
