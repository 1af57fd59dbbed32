"""The list: which promises hold, which are at risk and why; filters in the address."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.page.conftest import Reader
from tests.page.story import IMAGE, SCRIPT

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


async def rows(page: Page) -> list[str]:
    return [
        str(await own.get_attribute("data-sla-id"))
        for own in await page.locator("tr[data-sla-id]").all()
    ]


async def test_every_promise_stands_with_its_state_value_and_target(reader: Reader) -> None:
    page = await reader.open()
    await expect(page).to_have_title("Promises \u00b7 Accord")
    row = page.locator("tr[data-sla-id='acme-support/first-response']")
    await expect(row.locator(".badge")).to_have_text("Broken")
    await expect(row.locator(".value")).to_have_text("72.73\u202f%")
    await expect(row.locator(".value")).to_have_attribute("title", "exactly 0.727272727273")
    await expect(row).to_contain_text("90\u202f% within 4\u202fh, each month")
    await expect(row).to_contain_text("173\u202f% overspent")
    await expect(row).to_contain_text("March 2026")
    await expect(row).to_contain_text("ends in 13 days")


async def test_what_needs_attention_says_why_in_a_sentence(reader: Reader) -> None:
    page = await reader.open()
    cards = page.get_by_role("region", name="Needs attention")
    await expect(cards).to_contain_text("3 of 11 cases were late; at most 1 may be.")
    await expect(cards).to_contain_text("40 of 100 reached, behind the pace; 60 to go.")
    await expect(cards).to_contain_text("working time are over, so ")


async def test_no_data_is_never_green_and_says_that_it_is_no_pass(reader: Reader) -> None:
    page = await reader.open("?state=no_data")
    assert await rows(page) == ["hosting-desk/response"]
    badge = page.locator("tr .badge")
    await expect(badge).to_have_text("No data")
    color = await badge.evaluate("own => getComputedStyle(own).color")
    red, green, blue = map(int, re.findall(r"\d+", color)[:3])
    assert max(red, green, blue) - min(red, green, blue) < 30  # grey


async def test_counts_by_state_choose_that_state_and_give_it_back(reader: Reader) -> None:
    page = await reader.open()
    whole = await rows(page)
    tiles = page.get_by_role("navigation", name="Promises by state")
    await tiles.get_by_role("link", name="Broken").click()
    await expect(page).to_have_url(re.compile(r"\?state=breached$"))
    assert await rows(page) == ["acme-support/first-response"]
    await tiles.get_by_role("link", name="Broken").click()
    assert await rows(page) == whole


async def test_filters_stand_in_the_address_and_the_way_back_works(reader: Reader) -> None:
    page = await reader.open()
    whole = await rows(page)
    await page.get_by_label("Customer", exact=True).select_option("acme")
    await expect(page).to_have_url(re.compile(r"customer=acme"))
    await reader.settled()
    await expect(page.locator("tr[data-sla-id]")).to_have_count(2)
    assert await rows(page) == ["acme-support/first-response", "everyone/response/acme"]
    await page.get_by_label("Level", exact=True).select_option("corporate")
    await expect(page.locator("tr[data-sla-id]")).to_have_count(1)
    await page.go_back()
    await expect(page.locator("tr[data-sla-id]")).to_have_count(2)
    await expect(page.get_by_label("Level", exact=True)).to_have_value("")
    await page.go_back()
    await expect(page.get_by_label("Customer", exact=True)).to_have_value("")
    await expect(page.locator("tr[data-sla-id]")).to_have_count(len(whole))
    await page.go_forward()
    await expect(page.locator("tr[data-sla-id]")).to_have_count(2)


async def test_a_shared_address_shows_the_same(reader: Reader) -> None:
    page = await reader.open("?type=ola&text=hosting")
    assert await rows(page) == ["hosting-desk/response"]
    await expect(page.get_by_label("Type", exact=True)).to_have_value("ola")
    await expect(page.get_by_label("Search")).to_have_value("hosting")


async def test_typing_searches_without_a_step_in_the_history_for_each_letter(
    reader: Reader,
) -> None:
    page = await reader.open()
    before = await page.evaluate("history.length")
    await page.get_by_label("Search").press_sequentially("leads")
    await expect(page.locator("tr[data-sla-id]")).to_have_count(1)
    await expect(page.get_by_label("Search")).to_be_focused()
    assert await page.evaluate("history.length") == before
    await page.get_by_role("link", name="Clear").click()
    await expect(page.get_by_label("Search")).to_have_value("")


async def test_filters_that_fit_nothing_say_so(reader: Reader) -> None:
    page = await reader.open("?text=nothing-has-this-name")
    await expect(page.get_by_role("heading", name="No promise fits these filters")).to_be_visible()
    await page.goto(f"{reader.card.address}/?agreement=nobody")
    await expect(page.get_by_role("heading", name="No promise fits these filters")).to_be_visible()
    await expect(page.get_by_label("Agreement", exact=True)).to_have_value("nobody")


async def test_hostile_names_are_text(reader: Reader) -> None:
    page = await reader.open()
    await expect(page.get_by_text(SCRIPT).first).to_be_visible()
    await expect(page.locator("tr", has_text=IMAGE)).to_be_visible()
    assert await page.locator("main img, main script").count() == 0
