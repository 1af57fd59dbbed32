"""What changes is shown without being asked for, and what is old or cut off says so."""

import json

import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from shared.domain.instant import HOUR
from tests.integration.streaming import a_change, append
from tests.page.conftest import Card, Reader
from tests.page.story import NOW

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]
LEADS = "?view=promise&sla_id=everyone%2Fleads"


async def judged(card: Card, state: str, value: str) -> None:
    """The current window of a promise is judged anew."""
    async with card.database() as database:
        await database.execute(
            """
            UPDATE value SET state = $1, value = $2
            WHERE objective = 'everyone/leads' AND NOT final
            """,
            state,
            value,
        )


async def told(card: Card, kind: str, **data: str) -> None:
    """A change is appended to the log that the stream reads."""
    body = json.dumps({"specversion": "1.0", "type": f"accord.{kind}", "data": data})
    change = a_change(1, type=kind, objective="everyone/leads", level="corporate")
    await append(card.pool, change._replace(body=body))


@pytest_asyncio.fixture(loop_scope="session")
async def still(reader: Reader) -> Reader:
    """A reader whose page asks for nothing by itself: what it hears comes by the stream."""
    await reader.page.add_init_script("globalThis.setInterval = () => 0")
    return reader


async def test_a_change_comes_by_the_stream_and_focus_place_and_what_is_open_stay(
    still: Reader,
) -> None:
    page = await still.open(LEADS)
    await expect(page.locator(".pulse.stream")).to_be_visible()
    await page.set_viewport_size({"width": 900, "height": 500})
    link = page.get_by_role("link", name="lead:L-20")
    await link.focus()
    await link.evaluate("own => own.marked = true")
    before = await page.evaluate("scrollY")
    assert before > 0
    try:
        await judged(still.card, "ok", "100")
        await told(still.card, "state.changed", sla_id="everyone/leads", state="ok")
        await expect(page.locator(".standing .badge")).to_have_text("Holds")
        await expect(link).to_be_focused()
        assert await link.evaluate("own => own.marked")
        assert await page.evaluate("scrollY") == before
    finally:
        await judged(still.card, "at_risk", "40")


async def test_a_change_is_told_to_those_who_do_not_see_it(still: Reader) -> None:
    page = await still.open()
    await expect(page.locator(".pulse.stream")).to_be_visible()
    said = page.get_by_role("status")
    try:
        await judged(still.card, "ok", "100")
        await told(still.card, "state.changed", sla_id="everyone/leads", state="ok")
        await expect(said).to_have_text("Changed. Leads of Everyone: holds.")
        await told(still.card, "breach.opened", item="ticket:T-7", objective="first-response")
        await expect(said).to_have_text("A breach has opened: ticket:T-7, First response.")
    finally:
        await judged(still.card, "at_risk", "40")


async def test_a_stream_that_ends_is_gone_on_with_where_it_ended(still: Reader) -> None:
    page, asked = still.page, []

    async def ended(route: Route) -> None:
        asked.append(await route.request.header_value("last-event-id"))
        if len(asked) > 1:
            await route.continue_()
            return
        await route.fulfill(
            body="retry: 2000\nid: 41\n\nid: 42\nevent: state.changed\ndata: {}\n\n: idle\n\n",
            content_type="text/event-stream; charset=utf-8",
        )

    await page.route("**/v1/stream", ended)
    await still.open()
    await expect(page.locator(".pulse.stream")).to_be_visible()
    assert asked[0] is None
    while len(asked) == 1:
        await page.wait_for_timeout(100)
    assert asked[1] == "42"


async def test_without_a_stream_the_page_asks_again_by_itself(reader: Reader) -> None:
    page = reader.page
    await page.route("**/v1/stream", lambda route: route.fulfill(status=503))
    await reader.open(LEADS)
    await expect(page.locator(".pulse.asking")).to_be_visible()
    try:
        await judged(reader.card, "ok", "100")
        await expect(page.locator(".standing .badge")).to_have_text("Holds")
    finally:
        await judged(reader.card, "at_risk", "40")
    reader.expecting("503")


async def test_what_is_open_stays_open_while_the_list_changes(reader: Reader) -> None:
    page = await reader.open("?view=item&kind=ticket&subject=T-late-3")
    await page.get_by_text("Every stretch").first.click()
    opened = page.locator("details[open]")
    await expect(opened).to_have_count(1)
    async with page.expect_response("**/v1/items?**"):
        await reader.look_again()
    await page.wait_for_timeout(100)
    await expect(opened).to_have_count(1)


async def test_stale_numbers_say_so_loudly(reader: Reader) -> None:
    reader.card.now[0] = NOW + HOUR
    page = await reader.open()
    banner = page.get_by_role("alert")
    await expect(banner).to_contain_text("These numbers are not up to date.")
    await expect(banner).to_contain_text("as of 18 Mar 2026, 13:00")
    await expect(page.locator("tr .tag.stale").first).to_have_text("Not up to date")
    await expect(page.locator(".pulse")).to_contain_text("Not up to date")
    reader.card.now[0] = NOW
    await reader.look_again()
    await expect(banner).to_have_count(0)


async def test_while_the_server_does_not_answer_the_last_numbers_stay_and_it_is_said(
    reader: Reader,
) -> None:
    page = await reader.open()
    await page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
    await reader.look_again()
    banner = page.get_by_role("alert")
    await expect(banner).to_contain_text("The server does not answer.")
    await expect(page.locator(".pulse")).to_contain_text("Cut off")
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    await page.unroute_all()
    await expect(banner).to_have_count(0)
    reader.expecting("ERR_CONNECTION_REFUSED")


async def test_a_fault_is_said_in_the_servers_words_and_can_be_tried_again(
    reader: Reader,
) -> None:
    page = reader.page
    problem = {"title": "The database does not answer", "detail": "ask again", "status": 503}

    async def refuse(route: Route) -> None:
        await route.fulfill(
            status=503, body=json.dumps(problem), content_type="application/problem+json"
        )

    await page.route("**/v1/states?**", refuse)
    await reader.open()
    await expect(page.locator(".notice.bad")).to_contain_text("The database does not answer")
    await expect(page.locator(".pulse")).to_contain_text("Cut off")
    await page.unroute_all()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    reader.expecting("503")
