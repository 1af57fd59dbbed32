"""The command `accord`: one module a command, named here in one line each.

A command's module is loaded when the command is asked for: checking documents needs no server's
libraries, and they take a second.
"""

from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from shared.runtime.version import program_version

COMMANDS: Final = {
    "audit": "services.cli.audit:app",
    "check": "services.cli.check:check_command",
    "compare": "services.cli.compare:compare_command",
    "demo": "services.cli.demo:demo_command",
    "dlq": "services.cli.dlq:app",
    "evaluate": "services.cli.evaluate_command:evaluate_command",
    "gaps": "services.cli.gaps:app",
    "keys": "services.cli.keys:app",
    "local": "services.cli.local:local",
    "map": "services.cli.map_command:map_command",
    "migrate": "services.cli.migrate:migrate_command",
    "replay": "services.cli.replay:replay_command",
    "report": "services.cli.report:report_command",
    "rules": "services.cli.alert_rules.command:rules_command",
    "test": "services.cli.scenarios.command:scenarios_command",
    "topics": "services.cli.topics:topics_command",
    "verify": "services.cli.verify:verify_command",
}
"""Where each command is: module and function, or the typer of a command that has commands."""


class _Commands(TyperGroup):
    """The commands of the table. What its methods take and give has private types in typer."""

    def __init__(self, **asked: Any) -> None:  # noqa: ANN401 - as typer calls it
        """Only names stand in `commands`: of these typer suggests one for a typing error."""
        super().__init__(**asked)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # typer's are private

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), function)
        if not isinstance(found, typer.Typer):
            own = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
            own.command(cmd_name)(found)
            found = own
        command = typer.main.get_command(found)
        if not isinstance(command, (TyperCommand, TyperGroup)):
            return None
        # A typer that holds commands does not know its own; the list of all shows it.
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


def _say_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        typer.echo(f"accord {program_version()}")
        raise typer.Exit


@app.callback()
def accord(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_say_version,
            is_eager=True,
            help="Show the version of Accord and exit.",
        ),
    ] = False,
) -> None:
    """Say, at every instant, which service levels hold."""


if __name__ == "__main__":
    app()
