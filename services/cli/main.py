"""The command `accord`: one module a command, registered here in one line each."""

import typer

from services.cli.check import check_command
from services.cli.compare import compare_command
from services.cli.demo import demo_command
from services.cli.evaluate import evaluate_command
from services.cli.local import local
from services.cli.migrate import migrate_command
from services.cli.scenarios.command import scenarios_command
from services.cli.topics import topics_command
from services.cli.verify import verify_command

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def accord() -> None:
    """Say, at every instant, which service levels hold."""


app.command("check")(check_command)
app.command("compare")(compare_command)
app.command("demo")(demo_command)
app.command("evaluate")(evaluate_command)
app.command("local")(local)
app.command("migrate")(migrate_command)
app.command("test")(scenarios_command)
app.command("topics")(topics_command)
app.command("verify")(verify_command)

if __name__ == "__main__":
    app()
