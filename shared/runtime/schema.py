"""All tables of the database in one place: importing this has registered every one of them."""

from typing import Final

from sqlalchemy import MetaData

from shared.runtime import access_tables, change_tables, review_tables, tables

_MODULES: Final = (tables, change_tables, access_tables, review_tables)

metadata: Final[MetaData] = tables.metadata
"""The schema that the migrations lead to."""
