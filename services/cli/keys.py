"""`accord keys`: keys of the api, made, listed, revoked and replaced, straight in the database.

Exit code 0: done; 1: refused, nothing was changed; 2: it could not be tried.
"""

import getpass
import json
from typing import Annotated, Final

import asyncpg
import typer

from services.api.access import key_store
from services.api.access.key_store import OVERLAP, Wish
from services.cli.administering import administer, refuse
from shared.domain.instant import DAY, HOUR, Instant, format_instant, parse_instant
from shared.runtime.wall_clock import system_clock

app: Final = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Make, list, revoke and replace keys of the api (ACCORD_DATABASE_URL: as its owner).",
)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object or array.")]
By = Annotated[str | None, typer.Option(help="Who does it, for the audit log; you, if left out.")]
KeyId = Annotated[str, typer.Argument(help="The key's id: what stands between the underscores.")]


@app.command("create")
def create_command(
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read (default), write or admin; each includes those before it."),
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option(help="It sees this customer alone; may be repeated. Without: all."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends: 90d, or an instant as 2027-01-01T00:00:00Z.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: this once, since only a digest of it is kept.

    It is taken by every api within two seconds. Send it as `Authorization: Bearer <key>`.
    """
    wish = Wish(
        name=name,
        scopes=tuple(scope or ("read",)),
        customers=tuple(customer or ()),
        expires_at=None if expires is None else _end(expires),
    )
    actor = by or getpass.getuser()
    _show(*administer(lambda connection: key_store.create(connection, wish, by=actor)), as_json)


@app.command("list")
def list_command(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the keys that are taken now: whose, what they allow, and when they were used last."""
    rows = administer(lambda connection: key_store.listed(connection, every=every))
    if as_json:
        print(json.dumps([_row(own) for own in rows], indent=2))
        return
    if not rows:
        print("there is no key")
    for row in rows:
        about = "all customers" if row["customers"] is None else ", ".join(row["customers"])
        print(f"{row['id']}  {row['name']}  {' '.join(row['scopes'])}  {about}")
        own = _row(row)
        ended = f", revoked {own['revoked_at']}" if own["revoked_at"] else ""
        print(
            f"    made {own['created_at']} by {own['created_by']}, "
            f"ends {own['expires_at'] or 'never'}, used {own['last_used_at'] or 'never'}{ended}"
        )


@app.command("revoke")
def revoke_command(key_id: KeyId, *, by: By = None, as_json: AsJson = False) -> None:
    """Take a key no more: every api refuses it within two seconds."""
    actor = by or getpass.getuser()
    row = administer(lambda connection: key_store.revoke(connection, key_id, by=actor))
    if as_json:
        print(json.dumps({"id": row["id"], "revoked_at": format_instant(row["revoked_at"])}))
    else:
        print(f"{key_id} ({row['name']}) is revoked: every api refuses it within two seconds")


@app.command("rotate")
def rotate_command(
    key_id: KeyId,
    *,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=24 * 90, help="How long the old one is still taken.")
    ] = OVERLAP // HOUR,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a key that allows the same and print it; the old one ends after the overlap."""
    actor = by or getpass.getuser()
    made = administer(
        lambda connection: key_store.rotate(
            connection, key_id, by=actor, overlap=overlap_hours * HOUR
        )
    )
    _show(*made, as_json)


def _end(text: str) -> Instant:
    now = system_clock()
    try:
        end = now + int(text[:-1]) * DAY if text.endswith("d") else parse_instant(text)
    except ValueError:
        refuse(f"--expires {text!r}: write days as 90d, or an instant as 2027-01-01T00:00:00Z", 2)
    if end <= now:
        refuse(f"--expires {text!r}: a key that has ended is of no use", 1)
    return end


def _show(key_id: str, text: str, as_json: bool) -> None:  # noqa: FBT001 - not called by others
    if as_json:
        print(json.dumps({"id": key_id, "key": text}))
    else:
        print(text)
        print(
            f"Keep it now: it is not shown again. Its id is {key_id}; show it with\n"
            f"    curl -H 'Authorization: Bearer <key>' http://…/v1/states"
        )


def _row(row: asyncpg.Record) -> dict[str, object]:
    return {
        name: format_instant(value) if name.endswith("_at") and value is not None else value
        for name, value in row.items()
    }
