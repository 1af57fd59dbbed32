"""The differences of a replay for people: lines, and for other documents a table. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from services.cli.replaying.compared import VALUES
from services.cli.replaying.differences import Difference, Found
from services.cli.replaying.engine import Replayed
from shared.domain.instant import format_instant


def difference_lines(found: Found) -> Iterator[str]:
    """The first differences, each telling both sides; of an item also its events."""
    for own in found.first:
        yield f"{own.kind} {_key(own)}"
        for line in _sides(own):
            yield f"  {line}"
        if own.events:
            yield "  events of the item:"
            yield from (f"    {event}" for event in own.events)
    more = found.total - len(found.first)
    if more > 0:
        kinds: Counter[str] = Counter()
        for sort, count in found.tally.items():
            kinds[sort.kind] += count
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        yield f"… and {more} more (in all: {told})"


def preview_lines(found: Found) -> Iterator[str]:
    """What other documents would change: how much by objective, then the first rows."""
    if not found.total:
        return
    yield from _table(
        ("objective", "windows", "of other state", "breaches new", "gone", "moved"),
        _summed(found),
    )
    yield ""
    yield from _table(("objective", "of", "group", "since", "now", "then"), map(_row, found.first))
    more = found.total - len(found.first)
    if more > 0:
        yield f"… and {more} more (in the numbers above)"


def _summed(found: Found) -> list[tuple[str, ...]]:
    sums: dict[str, list[int]] = {}
    for sort, count in found.tally.items():
        own = sums.setdefault(sort.objective, [0] * 5)
        if sort.kind == VALUES.name:
            own[0] += count
            own[1] += count if sort.how == "state" else 0
        else:
            own[2 + ("new", "gone", "changed").index(sort.how)] += count
    return [(name, *map(str, sums[name])) for name in sorted(sums)]


def _row(own: Difference) -> tuple[str, ...]:
    key = own.key
    of = "window" if own.kind == VALUES.name else f"breach {key.get('item', '')}".strip()
    whole = own.stored or own.rebuilt or {}
    since = key.get("window_start") or whole.get("opened_at", "")
    before, after = own.brief
    if before == after:
        names = ", ".join(name for name, _, _ in own.members)
        after = f"{after} (other {names})"
    return (key["objective"], of, key.get("grp", ""), since, before, after)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        yield "  ".join(map(str.ljust, line, widths)).rstrip()


def _key(own: Difference) -> str:
    return " ".join(f"{name}={text}" for name, text in own.key.items())


def _sides(own: Difference) -> Iterator[str]:
    if own.stored is None or own.rebuilt is None:
        side = "rebuilt" if own.stored is None else "stored"
        told = ", ".join(
            f"{name} {text}" for name, text in (own.rebuilt or own.stored or {}).items()
        )
        yield f"{side} only: {told}"
        return
    yield from (f"{name}: stored {ours}, rebuilt {new}" for name, ours, new in own.members)


def replay_form(replayed: Replayed) -> dict[str, object]:
    """A replay as one JSON object: the numbers of the last line first, texts as in the lines."""
    return {
        "objectives": replayed.objectives,
        "items": replayed.items,
        "differences": replayed.found.total,
        "preview": replayed.is_preview,
        "from": replayed.origin.value,
        "events": replayed.events,
        "seconds": round(replayed.seconds, 3),
        "as_of": format_instant(replayed.as_of),
        "schema": replayed.schema,
        "not_compared": list(replayed.waiting),
        "counted": [
            {**sort._asdict(), "differences": count}
            for sort, count in sorted(replayed.found.tally.items())
        ],
        "shown": [asdict(own) for own in replayed.found.first],
    }
