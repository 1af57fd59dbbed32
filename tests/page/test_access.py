"""Where the api asks for a key the page asks for it once, and shows what the key may see."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from services.api.access.gate import Gate
from services.api.access.keys import StoredKey, digest_of, new_key
from services.api.access.settings import AccessSettings, Mode
from services.api.web.caller import implied
from tests.page.conftest import Card, Reader, a_reader, served
from tests.page.story import NOW

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Guarded:
    """The page of an api that asks for keys."""

    card: Card
    gate: Gate

    def key(self, customers: Sequence[str] | None = None) -> str:
        """The text of a key that may read, from now on the only one."""
        key_id, text = new_key()
        limits = None if customers is None else frozenset(customers)
        stored = StoredKey(key_id, digest_of(text), "x", implied(("read",)), limits, None, None)
        self.gate.ring.hold({key_id: stored}, NOW)
        return text


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(card: Card) -> AsyncIterator[Guarded]:
    """The same data behind a gate."""
    settings = AccessSettings(mode=Mode.KEYS)
    gate = Gate(settings, card.pool, clock=lambda: NOW, elapsed=perf_counter)
    gate.ring.hold({}, NOW)
    async with served(card, gate) as address:
        yield Guarded(replace(card, address=address), gate)


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(browser: Browser, guarded: Guarded) -> AsyncIterator[Reader]:
    """A reader without a key."""
    async with a_reader(browser, guarded.card) as reader:
        yield reader


async def test_a_key_is_asked_for_once_sent_as_a_header_and_kept_for_the_tab(
    stranger: Reader, guarded: Guarded
) -> None:
    page, key, addresses = stranger.page, guarded.key(), list[str]()
    page.on("request", lambda asked: addresses.append(asked.url))
    await page.goto(f"{guarded.card.address}/")
    dialog = page.get_by_role("dialog", name="Your key, please")
    await expect(dialog.get_by_label("Key")).to_be_focused()
    await dialog.get_by_label("Key").fill("accord_wrong")
    await page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("The key was not accepted.")
    await dialog.get_by_label("Key").fill(key)
    await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    await expect(page.locator(".pulse.stream")).to_be_visible()
    await page.reload()
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    assert not [own for own in addresses if key in own]
    assert await page.evaluate("JSON.stringify({...localStorage})") == "{}"
    assert await page.context.cookies() == []
    await page.get_by_role("button", name="Forget key").click()
    await expect(dialog).to_be_visible()
    await expect(page.locator("tr[data-sla-id]")).to_have_count(0)
    stranger.expecting("401")


async def test_a_key_for_one_customer_shows_that_one_alone(
    stranger: Reader, guarded: Guarded
) -> None:
    page, key = stranger.page, guarded.key(["acme"])
    await page.goto(f"{guarded.card.address}/")
    await page.get_by_label("Key", exact=True).fill(key)
    await page.keyboard.press("Enter")
    rows = page.locator("tr[data-sla-id]")
    await expect(rows).to_have_count(2)
    async with page.expect_download() as saved:
        await page.get_by_role("link", name="Report of Acme support").click()
    path = Path(await (await saved.value).path())
    report = await asyncio.to_thread(path.read_text, encoding="utf-8")
    assert "<h1>acme-support</h1>" in report
    assert "<style>" in report
    assert "<link" not in report
    shown = [await row.get_attribute("data-sla-id") for row in await rows.all()]
    assert shown == ["acme-support/first-response", "everyone/response/acme"]
    stranger.expecting("401")
