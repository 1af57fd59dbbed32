"""Whether a database has the schema that this program expects.

The migrations are plain files, in `deploy/migrations` beside the packages: in the repository and
in an installed wheel alike. They are read here, not run: a service needs neither Alembic nor
SQLAlchemy for it, which take as long to load as the rest of it.
"""

import ast
from functools import cache
from pathlib import Path
from typing import Final

from shared.runtime.database import AnyConnection

MIGRATIONS: Final = Path(__file__).parents[2] / "deploy" / "migrations"


async def at_head(connection: AnyConnection) -> bool:
    """Whether the database has the schema that this program expects."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return False
    rows = await connection.fetch("SELECT version_num FROM alembic_version")
    return {row["version_num"] for row in rows} == heads()


@cache
def heads() -> frozenset[str]:
    """The newest revision, in a set as Alembic keeps it."""
    told = [_told(path) for path in (MIGRATIONS / "versions").glob("*.py")]
    before = {own["down_revision"] for own in told}
    return frozenset(own["revision"] for own in told if own["revision"] not in before)


def _told(path: Path) -> dict[str, str]:
    """What a migration says of its place: `revision` and `down_revision`."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in {"revision", "down_revision"}
    }
