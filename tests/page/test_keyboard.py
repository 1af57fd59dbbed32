"""Everything by keyboard: a way past the head, a visible focus, and no trap."""

import pytest
from playwright.async_api import Page, expect

from tests.page.conftest import Reader
from tests.page.story import LATE

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]
FOCUSED = """() => { const own = document.activeElement;
  const name = own.getAttribute('aria-label') || own.labels?.[0]?.textContent || own.textContent;
  return `${own.tagName.toLowerCase()} ${name.trim().split('\\n')[0].trim()}`; }"""


async def walk(page: Page, steps: int) -> list[str]:
    seen = []
    for _ in range(steps):
        await page.keyboard.press("Tab")
        seen.append(str(await page.evaluate(FOCUSED)))
    return seen


async def test_the_walk_goes_by_the_order_that_is_seen(reader: Reader) -> None:
    page = await reader.open()
    seen = await walk(page, 17)
    assert seen[:6] == [
        "a Skip to the content",
        "a Accord",
        "a Promises",
        "a Breaches",
        "a Agreements",
        "button Switch between light and dark",
    ]
    assert [own.split()[0] for own in seen[6:10]] == ["a"] * 4  # the counts by state
    assert [own.split()[1] for own in seen[10:16]] == [
        "Search", "Agreement", "Customer", "Level", "Type", "State",
    ]  # fmt: skip
    assert seen[16] == "a First response"


async def test_the_way_past_the_head_leads_to_the_content(reader: Reader) -> None:
    page = await reader.open()
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the content")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_the_focus_is_seen_everywhere(reader: Reader) -> None:
    page = await reader.open()
    for step in await walk(page, 30):
        outline = await page.evaluate(
            """() => { const own = getComputedStyle(document.activeElement);
                       return own.outlineStyle !== 'none' && parseFloat(own.outlineWidth) >= 2; }"""
        )
        assert outline, step


async def test_a_promise_and_its_breach_are_reached_and_opened_by_keys_alone(
    reader: Reader,
) -> None:
    page = await reader.open("?view=breaches&scope=item&agreement=acme-support")
    own = page.locator(".breach", has_text=LATE)
    await own.locator("summary").first.focus()
    await page.keyboard.press("Enter")
    await expect(own.locator("rect.piece.late").first).to_be_visible()
    await expect(own.locator("summary").first).to_be_focused()
    seen = await walk(page, 7)
    assert "a Acme support" in seen
    assert f"a Everything about ticket:{LATE}" in seen
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Tab")


async def test_a_new_view_is_told_and_begins_at_its_heading(reader: Reader) -> None:
    page = await reader.open()
    await page.get_by_role("link", name="Breaches").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Breaches")).to_be_focused()
    await expect(page).to_have_title("Breaches \u00b7 Accord")
