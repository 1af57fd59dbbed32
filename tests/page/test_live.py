"""What changes is shown without being asked for, and what is old or cut off says so."""

import json

import pytest
from playwright.async_api import Page, Route, expect

from shared.domain.instant import HOUR
from tests.page.conftest import Card, Reader
from tests.page.story import NOW

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]
PROMISE = "?view=promise&sla_id=acme-support%2Ffirst-response"


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


async def test_a_change_is_shown_and_focus_place_and_what_is_open_stay(reader: Reader) -> None:
    page = await reader.open("?view=promise&sla_id=everyone%2Fleads")
    await page.set_viewport_size({"width": 900, "height": 500})
    link = page.get_by_role("link", name="lead:L-20")
    await link.focus()
    await link.evaluate("own => own.marked = true")
    before = await page.evaluate("scrollY")
    assert before > 0
    await judged(reader.card, "ok", "100")
    try:
        await expect(page.locator(".standing .badge")).to_have_text("Holds")
        await expect(link).to_be_focused()
        assert await link.evaluate("own => own.marked")
        assert await page.evaluate("scrollY") == before
    finally:
        await judged(reader.card, "at_risk", "40")


async def test_what_is_open_stays_open_while_the_list_changes(reader: Reader) -> None:
    page = await reader.open("?view=item&kind=ticket&subject=T-late-3")
    await page.get_by_text("Every stretch").first.click()
    opened = page.locator("details[open]")
    await expect(opened).to_have_count(1)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.wait_for_timeout(300)
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
    await expect(banner).to_have_count(0)


async def test_while_the_server_does_not_answer_the_last_numbers_stay_and_it_is_said(
    reader: Reader,
) -> None:
    page = await reader.open()
    await page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
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
    await expect(page.get_by_role("alert")).to_contain_text("The database does not answer")
    await page.unroute_all()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    reader.expecting("503")


async def guarded(page: Page) -> list[str | None]:
    """Let the api ask for the key `right`; what was sent is noted."""
    sent: list[str | None] = []

    async def guard(route: Route) -> None:
        key = await route.request.header_value("authorization")
        sent.append(key)
        if key == "Bearer right":
            await route.continue_()
            return
        problem = {"title": "A key is needed", "detail": "send one", "status": 401}
        await route.fulfill(
            status=401, body=json.dumps(problem), content_type="application/problem+json"
        )

    await page.route("**/v1/**", guard)
    return sent


async def test_where_a_key_is_asked_for_it_is_sent_as_a_header_and_kept_for_the_tab(
    reader: Reader,
) -> None:
    page = reader.page
    sent = await guarded(page)
    await page.goto(f"{reader.card.address}/")
    dialog = page.get_by_role("dialog", name="Your key, please")
    await expect(dialog.get_by_label("Key")).to_be_focused()
    await dialog.get_by_label("Key").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("The key was not accepted.")
    await dialog.get_by_label("Key").fill("right")
    await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    assert "right" not in page.url
    assert await page.evaluate("JSON.stringify({...localStorage})") == "{}"
    assert await page.context.cookies() == []
    await page.reload()
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    assert sent[-1] == "Bearer right"
    await page.get_by_role("button", name="Forget key").click()
    await expect(dialog).to_be_visible()
    await expect(page.locator("tr[data-sla-id]")).to_have_count(0)
    reader.expecting("401")
