"""The command `accord`: one module a command, registered here in one line each."""

import typer

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def accord() -> None:
    """Say, at every instant, which service levels hold."""
