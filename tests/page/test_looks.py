"""For everyone: axe finds nothing, nothing sticks out on a phone, in either theme, and on paper."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.page.conftest import Card, Reader, a_reader
from tests.page.story import LATE

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]
PHONE = (375, 720)
VIEWS = {
    "list": "",
    "nothing fits": "?text=nothing-has-this-name",
    "promise": "?view=promise&sla_id=acme-support%2Ffirst-response",
    "pace": "?view=promise&sla_id=everyone%2Fleads",
    "item": f"?view=item&kind=ticket&subject={LATE}",
    "breaches": "?view=breaches",
    "agreements": "?view=agreements",
    "agreement": "?view=agreement&name=everyone",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""What depends on the theme."""


async def opened(page: Page) -> None:
    """Open what opens: of breaches the first, and in it everything."""
    first = page.locator(".breach details").first
    if await first.count():
        await first.evaluate("own => own.open = true")
        await page.locator(".breach .explanation").first.wait_for()
    await page.locator("[aria-busy=true]").first.wait_for(state="detached")
    others = "main details:not(.breach > details)"
    await page.evaluate(f"document.querySelectorAll('{others}').forEach(own => own.open = true)")


async def violations(page: Page, rules: list[str]) -> list[str]:
    found = await Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    assert found.response["passes"]
    return [
        f"{own['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for own in found.response["violations"]
        for node in own["nodes"]
    ]


async def test_axe_finds_nothing_in_any_view(browser: Browser, card: Card) -> None:
    async with a_reader(browser, card) as reader:
        for name, query in VIEWS.items():
            page = await reader.open(query)
            await opened(page)
            assert await violations(page, RULES) == [], name


async def test_axe_finds_nothing_about_the_colours_of_the_dark(
    browser: Browser, card: Card
) -> None:
    async with a_reader(browser, card, dark=True) as reader:
        for name, query in VIEWS.items():
            page = await reader.open(query)
            await opened(page)
            assert await violations(page, COLOURS) == [], name


async def test_nothing_sticks_out_on_a_phone_and_axe_finds_nothing_there(
    browser: Browser, card: Card
) -> None:
    async with a_reader(browser, card, size=PHONE) as reader:
        for name, query in VIEWS.items():
            page = await reader.open(query)
            await opened(page)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE[0], name
            if name in {"list", "item"}:
                assert await violations(page, RULES) == [], name


async def test_the_theme_follows_the_system_until_it_is_chosen_and_is_kept(
    browser: Browser, card: Card
) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    async with a_reader(browser, card, dark=True) as reader:
        page = await reader.open()
        dark = await page.evaluate(ground)
        await page.get_by_role("button", name="Switch between light and dark").click()
        light = await page.evaluate(ground)
        assert light != dark
        await page.reload()
        await reader.settled()
        assert await page.evaluate(ground) == light


async def test_on_paper_there_are_numbers_and_no_controls(reader: Reader) -> None:
    page = await reader.open()
    await page.emulate_media(media="print", color_scheme="dark")
    await expect(page.get_by_role("navigation", name="Views")).to_be_hidden()
    await expect(page.get_by_label("Search")).to_be_hidden()
    await expect(page.locator("tr[data-sla-id]").first).to_be_visible()
    ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    await page.emulate_media(media="screen", color_scheme="light")


async def test_nothing_moves_for_those_who_asked_for_that(reader: Reader) -> None:
    await reader.page.emulate_media(reduced_motion="reduce")
    page = await reader.open()
    moving = await page.evaluate("document.getAnimations().length")
    assert moving == 0
