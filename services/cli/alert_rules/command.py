"""`accord rules`: Prometheus' rules for the promises of a folder, always the same bytes."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import typer
import yaml

from services.cli.alert_rules.alerts import rule_groups
from services.cli.alert_rules.burn import Pair
from services.cli.alert_rules.kinds import MINIMUM, Watch, WindowKind, window_kinds
from services.cli.evaluate import loaded_documents
from shared.domain.agreement import Catalogue
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, Micros

WRONG_INPUT: Final = 2
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SHARE: Final = re.compile(r"0\.\d+")
_SIZES: Final = (DAY, HOUR, MINUTE, SECOND)
_SEVERITIES: Final = ("critical", "warning", "info")
_HEADER: Final = """\
# Written by `accord rules`: write it anew when the agreements get another kind of window.
# Targets and budgets are series: they change without a change here.
"""


def rules_command(
    path: Annotated[Path, typer.Argument(help="The documents, or a folder of them.")],
    *,
    pair: Annotated[
        list[str] | None,
        typer.Option(
            help="SHARE/RANGE/SEVERITY instead of the usual pairs, such as 0.02/1h/critical: alert "
            "when this share of a budget would be spent within the range. May be repeated."
        ),
    ] = None,
    minimum: Annotated[
        int, typer.Option(min=1, help="From how many decided events in the long range on.")
    ] = MINIMUM,
    scrape: Annotated[str, typer.Option(help="How often Prometheus scrapes.")] = "15s",
    storage: Annotated[str, typer.Option(help="How long Prometheus keeps samples.")] = "15d",
) -> None:
    """Print recording rules and burn-rate alerts for the promises of these documents."""
    catalogue = loaded_documents(path)
    try:
        pairs = tuple(map(_pair, pair or ()))
        watch = Watch(pairs, _micros(scrape), _micros(storage), minimum)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None
    kinds = window_kinds(catalogue, watch)
    for note in (note for kind in kinds for note in kind.notes):
        typer.echo(note, err=True)
    typer.echo(rules_text(kinds, watch), nl=False)


def rules_of(catalogue: Catalogue, watch: Watch | None = None) -> str:
    """The rules of these promises as a file."""
    own = watch or Watch()
    return rules_text(window_kinds(catalogue, own), own)


def rules_text(kinds: list[WindowKind], watch: Watch) -> str:
    """The file: what is not watched and why, then the rules."""
    notes = "".join(f"# {note}.\n" for kind in kinds for note in kind.notes)
    body: str = yaml.dump(
        {"groups": [*rule_groups(kinds, watch)]},
        Dumper=_Dumper,
        sort_keys=False,
        width=1_000,
        allow_unicode=True,
    )
    return f"{_HEADER}{notes}{body}"


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is read."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _pair(text: str) -> Pair:
    share, _, rest = text.partition("/")
    long, _, severity = rest.partition("/")
    if _SHARE.fullmatch(share) and Fraction(share) and severity in _SEVERITIES:
        return Pair(Fraction(share), _micros(long), severity)
    message = (
        f"--pair {text}: write a share below 1, a range and one of {', '.join(_SEVERITIES)}, "
        "such as 0.02/1h/critical"
    )
    raise ValueError(message)


def _micros(text: str) -> Micros:
    found = _DURATION.fullmatch(text)
    numbers = found.groups("0") if found else ()
    length = sum(int(number) * size for number, size in zip(numbers, _SIZES, strict=False))
    if not length:
        message = f"{text!r} is no duration; write one as Prometheus does, such as 15s, 1h or 3d"
        raise ValueError(message)
    return length
