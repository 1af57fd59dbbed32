"""YAML text -> the domain's catalogue, or problems with file, line and suggestion."""

from shared.documents.catalogue import Loaded, load, load_texts
from shared.documents.files import Source as File
from shared.documents.problems import Problem

__all__ = ["File", "Loaded", "Problem", "load", "load_texts"]
