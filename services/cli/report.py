"""`accord report`: a period report of one agreement in a file, asked of the api or of events."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from services.api.reading.objectives import Filters, Objectives
from services.api.reports.composing import MOST_EXCLUDED, Asked, Found, compose
from services.api.reports.csv_form import report_csv
from services.api.reports.forms import ExcludedItem, Report, ReportedBreach, ReportedWindow
from services.api.reports.page import report_page
from services.api.reports.parameters import Format, InvalidPeriod, period_of
from services.api.reports.queries import Wish
from services.api.reports.reading import why_excluded
from services.api.reports.wishes import wish
from services.cli.api_client import Api, ApiError, WrongQuestion
from services.cli.evaluate import (
    WRONG_INPUT,
    Reading,
    item_breach_row,
    loaded_documents,
    opened,
    read_now,
    window_breach_row,
    window_row,
)
from shared.domain.agreement import Catalogue, objective_id, sla_id
from shared.domain.contribution import Contribution
from shared.domain.evaluation import Evaluation, ItemBreach, WindowBreach, evaluate
from shared.domain.history import histories
from shared.domain.instant import Instant, format_instant
from shared.domain.item import Item
from shared.domain.measure import Outcome
from shared.domain.plan import compile_plan
from shared.domain.window import RollingWindow
from shared.runtime.config import environment_value
from shared.wire import results

FAILED: Final = 1
_NEEDED: Final = "--events needs --agreements and --now"
_DEFAULT_API: Final = "http://127.0.0.1:8000"


def report_command(
    agreement: Annotated[str, typer.Argument(help="The agreement's name.")],
    *,
    period: Annotated[
        str | None,
        typer.Option(help="2026-03, 2026-Q1, 2026-W10, 2026; without it the last whole month."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Instead of --period: where it begins.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="With --from: where it ends.")] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Without it as the file's name ends, else html."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file; without it <agreement>_<period>.<format>.")
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(help="The api that is asked; without it ACCORD_API_URL, else this machine's."),
    ] = None,
    events: Annotated[
        str | None, typer.Option(help="Instead of the api: a file of events, or -.")
    ] = None,
    agreements: Annotated[Path | None, typer.Option(help="With --events: the documents.")] = None,
    now: Annotated[str | None, typer.Option(help="With --events: as of when.")] = None,
    all_windows: Annotated[
        bool, typer.Option("--all-windows", help="Every rolling window of the period.")
    ] = False,
) -> None:
    """Write how an agreement stood over a period, for both of its parties, to a file.

    Exit 2: no such agreement or period; 1: the api does not answer, or not with this key.
    """
    chosen = form or _by_suffix(out)
    asked = {"period": period, "from": start, "until": until}
    given = {name: value for name, value in asked.items() if value is not None}
    if events is None:
        address = api or environment_value("API_URL") or _DEFAULT_API
        report = _of_api(address, agreement, {**given, "all_windows": str(all_windows).lower()})
    elif agreements is None or now is None:
        raise _wrong(_NEEDED)
    else:
        catalogue, instant = loaded_documents(agreements), read_now(now)
        wanted = _asked(catalogue, agreement, given, instant, all_windows=all_windows)
        report = _of_events(events, wanted, instant)
    path = out or Path(f"{agreement}_{_file_words(report)}.{chosen.value}")
    _write(path, written(report, chosen))
    typer.echo(str(path))


def written(report: Report, form: Format) -> bytes:
    """The report as a file of its own: the page has its style in it."""
    match form:
        case Format.JSON:
            return results.encode(report) + b"\n"
        case Format.CSV:
            return report_csv(report).encode()
        case Format.HTML:
            return report_page(report, style_path=None).encode()


def report_of(asked: Asked, items: Iterable[Item], *, now: Instant) -> Report:
    """The report of items as of `now`: what the api says once it has folded the same events."""
    items = list(items)
    found = evaluate(asked.catalogue, items, now=now, all_windows=True)
    wishes = {own.served.key: wish(asked, own, now) for own in asked.choices}
    return compose(
        asked,
        Found(
            as_of=now,
            windows=_windows(found, wishes),
            breaches=_breaches(found, wishes, now),
            excluded=_excluded(asked, items, wishes, now),
        ),
    )


def _asked(
    catalogue: Catalogue, name: str, given: Mapping[str, str], now: Instant, *, all_windows: bool
) -> Asked:
    choices = Objectives(catalogue).choose(Filters(agreement=[name]), now)
    if not choices:
        known = ", ".join(sorted(catalogue.agreements)) or "none"
        message = f"no document is an agreement named {name!r} (known: {known})"
        raise _wrong(message)
    agreement = catalogue.agreements[name]
    zone = agreement.version_nearest(now).calendar.zone
    edges = (given.get("period"), given.get("from"), given.get("until"))
    try:
        period, span = period_of(*edges, zone, now)
    except InvalidPeriod as error:
        message = f"--{error.parameter}: {error}"
        raise _wrong(message) from None
    return Asked(catalogue, agreement, choices, period, span, zone, all_windows=all_windows)


def _of_events(events: str, wanted: Asked, now: Instant) -> Report:
    reading = Reading(compile_plan(wanted.catalogue), now=now)
    with opened(events) as lines:
        reading.read(enumerate(lines, 1))
    return report_of(wanted, reading.items.values(), now=now)


def _of_api(address: str, agreement: str, given: Mapping[str, str]) -> Report:
    try:
        with Api(address, environment_value("API_KEY")) as api:
            answer = api.get(f"/v1/reports/{agreement}", format="json", **given)
    except WrongQuestion as error:
        raise _wrong(str(error)) from None
    except ApiError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from None
    return msgspec.convert(answer, Report, builtin_types=(Decimal,))


def _windows(found: Evaluation, wishes: Mapping[str, Wish]) -> Mapping[str, list[ReportedWindow]]:
    rows: dict[str, list[ReportedWindow]] = defaultdict(list)
    for reading in found.objectives:
        judgement = reading.judgement
        key = objective_id(judgement.version.agreement, judgement.objective.name)
        wanted = wishes.get(key)
        if wanted is None or not wanted.starts.start <= reading.window.start < wanted.starts.end:
            continue
        row = window_row(reading)
        rows[key].append(
            ReportedWindow(
                **msgspec.structs.asdict(row),
                complete=True,
                revision=int(judgement.final),
                provisional=False,
                revisions=(),
            )
        )
    return rows


def _breaches(
    found: Evaluation, wishes: Mapping[str, Wish], now: Instant
) -> Mapping[str, list[ReportedBreach]]:
    rows: dict[str, list[ReportedBreach]] = defaultdict(list)
    breaches: list[ItemBreach | WindowBreach] = [*found.item_breaches, *found.window_breaches]
    for breach in breaches:
        key = objective_id(breach.agreement, breach.objective)
        wanted = wishes.get(key)
        if wanted is None or not _wants(wanted, breach):
            continue
        rows[key].append(_breach(breach, now))
    return rows


def _wants(wanted: Wish, breach: ItemBreach | WindowBreach) -> bool:
    if isinstance(breach, ItemBreach):
        return wanted.opened.start <= breach.opened_at < wanted.opened.end
    if wanted.of_windows.start <= breach.window.start < wanted.of_windows.end:
        return True
    lasts = breach.closed_at is None or breach.closed_at > wanted.period.start
    return lasts and breach.opened_at < wanted.period.end


def _breach(breach: ItemBreach | WindowBreach, now: Instant) -> ReportedBreach:
    closed_at = now if breach.closed_at is None else breach.closed_at
    known = {
        "lasted_s": results.seconds(max(0, closed_at - breach.opened_at)),
        "breach_id": None,
        "confirmed": None,
        "detected_at": None,
    }
    nothing = dict.fromkeys(("sla_id", "group", "window", "item", "cycle"))
    row: results.ItemBreachRow | results.WindowBreachRow
    if isinstance(breach, ItemBreach):
        row, scope = item_breach_row(breach), "item"
    else:
        row, scope = window_breach_row(breach), "window"
    members = {**nothing, **msgspec.structs.asdict(row), **known, "scope": scope}
    for name in ("agreement", "objective"):
        del members[name]
    return msgspec.convert(members, ReportedBreach, builtin_types=(Decimal,), from_attributes=True)


def _excluded(
    asked: Asked, items: Iterable[Item], wishes: Mapping[str, Wish], now: Instant
) -> list[ExcludedItem]:
    out: list[tuple[Instant, Item, Contribution]] = [
        (own.at, item, own)
        for item in items
        for own in item.settle(now=now).contributions
        if own.outcome is Outcome.EXCLUDED and own.at is not None and _counts(own, wishes)
    ]
    out.sort(key=lambda found: (found[0], found[1].key, found[2][:5]))
    plan = compile_plan(asked.catalogue)
    told = []
    for at, item, own in out[: MOST_EXCLUDED + 1]:
        known = histories(plan, item.kind, item.events, now=now)
        history = known.get((own.agreement, own.objective, own.cycle, own.ordinal))
        told.append(
            ExcludedItem(
                sla_id=sla_id(own.agreement, own.objective, own.group),
                item=item.key,
                cycle=own.cycle,
                at=format_instant(at),
                why=why_excluded(history),
            )
        )
    return told


def _counts(own: Contribution, wishes: Mapping[str, Wish]) -> bool:
    """Whether it counts in a window that is listed."""
    wanted = wishes.get(objective_id(own.agreement, own.objective))
    if wanted is None or own.counts_at is None:
        return False
    window, starts = wanted.choice.served.window, wanted.starts
    end = starts.end
    if isinstance(window, RollingWindow):
        end = (starts.end - 1) // window.step * window.step + window.length
    return starts.start <= window.pane(own.counts_at).start < end


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise _wrong(message) from None


def _file_words(report: Report) -> str:
    period = report.period
    return period.name or f"{period.start[:10]}_{period.end[:10]}"


def _by_suffix(out: Path | None) -> Format:
    suffix = "" if out is None else out.suffix.removeprefix(".").lower()
    if suffix in {own.value for own in Format}:
        return Format(suffix)
    if suffix:
        message = f"--out {out}: a report is .html (for print), .csv or .json, or say --format"
        raise _wrong(message)
    return Format.HTML


def _wrong(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(WRONG_INPUT)
