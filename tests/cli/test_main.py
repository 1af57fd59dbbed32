"""The command `accord` by itself: what it lists, and what it says to a typing error."""

from importlib.metadata import version

from typer.testing import CliRunner

from services.cli.main import COMMANDS, app


def test_every_command_is_listed_by_its_name() -> None:
    lines = CliRunner().invoke(app, ["--help"]).output.splitlines()
    listed = {line[2:].split(" ")[0] for line in lines if line.startswith("│ ")}
    assert listed >= set(COMMANDS)


def test_the_nearest_command_is_suggested() -> None:
    told = CliRunner().invoke(app, ["evaluat"])
    assert told.exit_code == 2
    assert "Did you mean 'evaluate'?" in told.output


def test_its_version_is_that_of_the_package() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"accord {version('accord')}\n")
