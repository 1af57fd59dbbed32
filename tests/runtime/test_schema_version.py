"""The newest migration, read from the files, is the one that Alembic finds."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.runtime.schema_version import MIGRATIONS, heads


def test_it_is_the_head_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    assert heads() == frozenset(ScriptDirectory.from_config(config).get_heads())
    assert len(heads()) == 1
