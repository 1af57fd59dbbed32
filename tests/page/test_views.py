"""One promise, one item, one agreement, and the breaches with their explanation."""

import re
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from tests.page.conftest import Reader
from tests.page.story import IMAGE, LATE, SCRIPT, SUBJECT

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]
RESTATED = """
    INSERT INTO value_revision
    SELECT objective, grp, window_start, $1::int, $2,
           window_end + 300000000 * $1::int, state, $3, budget_remaining, counts
    FROM value WHERE objective = 'acme-support/first-response' AND value = '0.7'
"""
SEALED = (
    """INSERT INTO review SELECT 'rv_1', 'acme-support', '2026-01', window_start, window_end, 'UTC',
           1, window_end + 600000000, 'manager', ''
       FROM value WHERE objective = 'acme-support/first-response' AND value = '0.7'""",
    """INSERT INTO sealed_objective SELECT 'rv_1', 'acme-support/first-response', starts, ends,
           starts, ends, '[]' FROM review""",
    """INSERT INTO sealed_value SELECT objective, grp, window_start, window_end, 'rv_1', 0, state,
           since, '0.75', budget_remaining, counts, target, level
       FROM value WHERE objective = 'acme-support/first-response' AND value = '0.7'""",
)
PROMISE = "?view=promise&sla_id=acme-support%2Ffirst-response"


async def test_a_promise_says_how_it_stands_and_what_made_it_up(reader: Reader) -> None:
    page = await reader.open()
    await page.get_by_role("table").get_by_role("link", name="First response").first.click()
    await reader.settled()
    await expect(page.get_by_role("heading", level=1)).to_have_text("First response")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await expect(page.locator(".lead")).to_contain_text("support promises acme for first response")
    await expect(page.locator(".tally")).to_contain_text("In time 8")
    await expect(page.locator(".tally")).to_contain_text("Late 3")
    await expect(page.locator(".tally")).to_contain_text("Still running 1")
    await expect(page.get_by_text("met / (met + breached) = 8 / 11")).to_be_visible()
    members = page.get_by_role("region", name=re.compile("What made it up"))
    await expect(members.get_by_role("rowheader")).to_have_count(11)
    await expect(members.get_by_role("row", name=re.compile(LATE))).to_contain_text("Late")


async def test_attainment_over_time_is_drawn_beside_its_target_and_told_in_a_table(
    reader: Reader,
) -> None:
    page = await reader.open(PROMISE)
    chart = page.get_by_role("img", name=re.compile("Attainment over 6 windows"))
    await expect(chart.locator("canvas")).to_be_visible()
    drawn = await chart.locator("canvas").evaluate(
        """own => { const all = own.getContext('2d').getImageData(0, 0, own.width, own.height).data;
                    return new Set(new Uint32Array(all.buffer)).size; }"""
    )
    assert drawn > 20
    table = page.get_by_role("table", name=re.compile("Windows"))
    said = [
        " ".join((await row.inner_text()).split()) for row in await table.get_by_role("row").all()
    ]
    assert [re.sub(r" .*", "", row) for row in said[1:]] == [
        "March", "February", "January", "December", "November", "October",
    ]  # fmt: skip
    assert "70 %" in said[3]
    assert said[3].endswith("final")


async def test_another_window_is_chosen_by_its_link_and_stands_in_the_address(
    reader: Reader,
) -> None:
    page = await reader.open(PROMISE)
    await page.get_by_role("link", name="January 2026").click()
    await expect(page).to_have_url(re.compile("window=2025-12-31T23%3A00%3A00Z"))
    await expect(page.locator(".standing")).to_contain_text("3 of 10 cases were late")
    await expect(page.get_by_role("heading", name="What made it up January 2026")).to_be_visible()
    await page.go_back()
    await expect(page.locator(".standing")).to_contain_text("3 of 11 cases were late")


async def test_a_window_that_was_restated_shows_its_revisions(reader: Reader) -> None:
    async with reader.card.database() as database:
        for revision, cause, value in ((1, "final", "0.75"), (2, "late", "0.7")):
            await database.execute(RESTATED, revision, cause, value)
        try:
            page = await reader.open(PROMISE)
            row = page.get_by_role("row", name=re.compile("January"))
            await row.get_by_text("2 revisions").click()
            first, second = row.get_by_role("listitem").nth(0), row.get_by_role("listitem").nth(1)
            await expect(first).to_contain_text("broken, 75\u202f% (first said)")
            await expect(second).to_contain_text("70\u202f% (events came late)")
        finally:
            await database.execute("DELETE FROM value_revision")


async def test_a_window_that_was_signed_off_shows_its_numbers_and_those_of_now(
    reader: Reader,
) -> None:
    async with reader.card.database() as database:
        await database.execute(RESTATED, 1, "final", "0.7")
        for statement in SEALED:
            await database.execute(statement)
        try:
            page = await reader.open(PROMISE)
            row = page.get_by_role("row", name=re.compile("January"))
            await expect(row).to_contain_text("75\u202f%")
            await expect(row.locator(".signed-off")).to_contain_text("signed off")
            await expect(row.locator(".signed-off")).to_contain_text(
                "now broken, 70\u202f% (events came late)"
            )
            await expect(page.locator(".signed-off")).to_have_count(1)
        finally:
            for table in ("value_revision", "sealed_value", "sealed_objective", "review"):
                await database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own tables


async def test_the_pace_of_a_volume_stands_beside_the_working_time(reader: Reader) -> None:
    page = await reader.open("?view=promise&sla_id=everyone%2Fleads")
    pace = page.locator(".pace")
    await expect(pace).to_contain_text("40 of 100")
    await expect(pace).to_contain_text("Expected by now")
    await expect(pace).to_contain_text("working time over")
    # 168 h in March without the holiday; until 13 h on the 18th 92 h.
    await expect(page.locator(".standing")).to_contain_text(
        "92\u202fh of 168\u202fh working time are over, so 54.76 should be there by now"
    )


async def test_an_item_shows_its_clock_with_pause_closed_hours_holiday_and_when_it_was_due(
    reader: Reader,
) -> None:
    page = await reader.open(f"?view=item&kind=ticket&subject={LATE}")
    clock = page.get_by_role("article", name="First response").first
    await expect(clock.locator(".badge").first).to_have_text("Late")
    await expect(clock).to_contain_text("promised is 4\u202fh")
    picture = clock.get_by_role("img")
    await expect(picture).to_have_attribute("aria-label", re.compile("due 13 Mar 2026, 11:00"))
    looks = await picture.locator("rect.piece").evaluate_all(
        "all => all.map(one => one.classList[1])"
    )
    assert {"running", "paused", "closed", "late"} == set(looks)
    await expect(picture.locator(".mark.due")).to_have_count(1)
    await expect(picture.locator(".mark.stop")).to_have_count(1)
    await clock.get_by_text("Every stretch").click()
    stretches = clock.get_by_role("table")
    await expect(stretches).to_contain_text("status is pending")
    await expect(stretches).to_contain_text("holiday")
    await expect(page.get_by_role("region", name="Everything promised about it")).to_contain_text(
        "binds"
    )


async def test_an_item_of_any_name_is_found_and_its_name_is_text(reader: Reader) -> None:
    page = await reader.open(f"?view=item&kind=ticket&subject={quote(SUBJECT, safe='')}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(SUBJECT)
    assert await page.locator("main b").count() == 0
    await expect(page.locator(".clock")).to_have_count(2)


async def test_a_breach_opens_to_its_explanation(reader: Reader) -> None:
    page = await reader.open("?view=breaches&scope=item&agreement=acme-support")
    first = page.locator(".breach", has_text=LATE)
    await expect(first).to_contain_text("support to acme")
    await first.locator("summary").first.click()
    await expect(first.locator("rect.piece.late").first).to_be_visible()
    await first.get_by_role("link", name=f"Everything about ticket:{LATE}").click()
    await expect(page).to_have_url(re.compile("view=item"))
    await page.go_back()
    await expect(
        page.locator(".breach", has_text=LATE).locator("rect.piece.late").first
    ).to_be_visible()


async def test_breaches_of_windows_say_what_was_missed(reader: Reader) -> None:
    page = await reader.open("?view=breaches&scope=window&open=true")
    own = page.locator(".breach", has_text="First response").first
    await expect(own).to_contain_text("missed in March 2026")
    await expect(own).to_contain_text("still open")
    await own.locator("summary").first.click()
    await expect(own).to_contain_text("3 of 11 cases were late; at most 1 may be.")
    await own.get_by_role("link", name="Everything about this period").click()
    await expect(page.locator(".standing")).to_contain_text("3 of 11 cases were late")


async def test_an_agreement_says_what_is_promised_in_words(reader: Reader) -> None:
    page = await reader.open("?view=agreements")
    await page.get_by_role("link", name="Everyone").click()
    await reader.settled()
    await expect(page.locator(".lead")).to_contain_text(f"{SCRIPT} promises everyone")
    promised = page.get_by_role("region", name="What is promised")
    await expect(promised).to_contain_text("Leads: qualified leads, at least 100, each month.")
    await expect(promised).to_contain_text(
        "50\u202f% within 8\u202fh, each month, for each customer."
    )
    await expect(page.get_by_role("region", name="How it stands")).to_contain_text(IMAGE)
    report = page.get_by_role("link", name="Period report of Everyone")
    await expect(report).to_have_attribute("href", re.compile(r"^v1/reports/everyone\?"))


async def test_what_is_not_there_is_said_in_the_servers_words(reader: Reader) -> None:
    page = await reader.open("?view=promise&sla_id=everyone%2Fleeds")
    await expect(page.locator(".notice").first).to_contain_text("did you mean 'everyone/leads'?")
    await page.goto(f"{reader.card.address}/?view=item&kind=ticket&subject=T-none")
    await expect(page.locator(".notice")).to_contain_text("There is no such item")
    reader.expecting("404")


async def test_a_lead_or_ticket_is_looked_up_by_its_name(reader: Reader) -> None:
    page = await reader.open("?view=breaches")
    await page.get_by_label("Look up one lead or ticket").fill(LATE)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(LATE)
    await page.go_back()
    await page.get_by_label("Look up one lead or ticket").fill("lead:L-1")
    await page.get_by_role("button", name="Look up").click()
    await expect(page.locator(".notice")).to_contain_text("No clock runs on this lead")


async def test_a_breach_that_was_acknowledged_says_by_whom_and_what_is_done(
    reader: Reader,
) -> None:
    page = await reader.open("?view=breaches&scope=item&agreement=acme-support")
    breaches = f"{reader.card.address}/v1/breaches"
    found = await (
        await page.request.get(f"{breaches}?agreement=acme-support&item=ticket:{LATE}")
    ).json()
    done = await page.request.post(
        f"{breaches}/{found['items'][0]['breach_id']}/acknowledgement",
        data={"note": "the <b>customer</b> knows"},
    )
    assert done.ok, await done.text()
    await reader.look_again()
    own = page.locator(".breach", has_text=LATE)
    await expect(own).to_contain_text("seen")
    await own.locator("summary").first.click()
    await expect(own).to_contain_text("by everyone")
    await expect(own).to_contain_text(": the <b>customer</b> knows")


async def test_the_report_of_a_promises_period_opens_beside_the_page(reader: Reader) -> None:
    page = await reader.open(f"{PROMISE}&window=2025-12-31T23%3A00%3A00Z")
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="Period report of Acme support").click()
    report = await opened.value
    await report.wait_for_load_state()
    assert "period=2026-01" in report.url
    await expect(report.get_by_role("heading", level=1)).to_have_text("acme-support")
    await expect(report.locator("body")).to_contain_text("706 h")
