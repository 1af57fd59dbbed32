"""The real app over stored data, and a real Chromium that looks at its page."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from prometheus_client import CollectorRegistry

from services.api.access.gate import Gate
from services.api.app import create_app, make_sources
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.postgres import create_database, drop_database
from shared.domain.agreement import Catalogue
from shared.domain.instant import Instant
from shared.runtime.config import driver_url
from shared.runtime.database import Pool, create_pool
from shared.runtime.migrate import migrate
from tests.api.stored import a_catalogue, store
from tests.integration.streaming import serving
from tests.page.story import DOCUMENTS, NOW, events

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP: Final = (1280, 900)
PATIENCE_MS: Final = 30_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Card:
    """The served page: its address, its database, and the wall clock of the api."""

    address: str
    database_url: str
    pool: Pool
    catalogue: Catalogue
    now: list[Instant] = field(default_factory=lambda: [NOW])

    @asynccontextmanager
    async def database(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection to what the page shows."""
        connection = await asyncpg.connect(driver_url(self.database_url))
        try:
            yield connection
        finally:
            await connection.close()


@dataclass
class Reader:
    """Someone who looks at the page; what went wrong meanwhile is noted."""

    page: Page
    card: Card
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    async def open(self, query: str = "") -> Page:
        """Go to an address of the page and wait until it has been read."""
        await self.page.goto(f"{self.card.address}/{query}")
        await self.settled()
        return self.page

    async def settled(self) -> None:
        """Wait until nothing is being read for the first time."""
        await self.page.locator("main h1").wait_for()
        await self.page.locator("[aria-busy=true]").first.wait_for(state="detached")

    async def look_again(self) -> None:
        """Come back to the page, as from another tab: it asks for everything anew."""
        await self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def expecting(self, part: str) -> None:
        """Something that names this goes wrong: the console may say so only after the page does."""
        self.expected.append(part)

    def judge(self) -> None:
        """All that was expected went wrong, and nothing else."""
        for part in self.expected:
            assert [said for said in self.wrong if part in said], f"nothing wrong with {part}"
        assert [s for s in self.wrong if not any(part in s for part in self.expected)] == []


@pytest.fixture(scope="session")
def card_database(stack: LocalStack) -> Iterator[str]:
    """A database for the page alone."""
    name = f"accord_page_{os.getpid()}"
    url = urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{name}"))
    asyncio.run(create_database(stack.database_url, name))
    asyncio.run(migrate(url))
    yield url
    asyncio.run(drop_database(stack.database_url, name))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def card(card_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Card]:
    """The real app over the story's data, on a free port."""
    folder: Path = tmp_path_factory.mktemp("agreements")
    catalogue = a_catalogue(folder, DOCUMENTS)
    await store(card_database, catalogue, events(), now=NOW)
    async with await create_pool(card_database, service="test") as pool:
        own = Card("", card_database, pool, catalogue)
        async with served(own) as address:
            own.address = address
            yield own


@asynccontextmanager
async def served(card: Card, gate: Gate | None = None) -> AsyncIterator[str]:
    """The real app on a free port of this machine, behind a gate if one is given."""
    sources = make_sources(pool=card.pool, catalogue=card.catalogue, clock=lambda: card.now[0])
    app = create_app(sources, CollectorRegistry(), gate)
    async with serving(app) as address:
        yield address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not here (Debian: chromium), and the page must be looked at")
        pytest.skip("chromium is not here (Debian: chromium)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        await opened.close()


@asynccontextmanager
async def a_reader(
    browser: Browser, card: Card, *, size: tuple[int, int] = DESKTOP, dark: bool = False
) -> AsyncIterator[Reader]:
    """A reader in Berlin; what the console says or is asked of elsewhere is an error."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_MS)
    reader = Reader(await context.new_page(), card)
    _note(context, reader)
    try:
        yield reader
    finally:
        await context.close()
    reader.judge()


def _note(context: BrowserContext, reader: Reader) -> None:
    page, wrong = reader.page, reader.wrong
    page.on("console", lambda said: wrong.append(f"{said.type}: {said.text} {said.location}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda asked: wrong.append(f"dialog: {asked.message}"))
    context.on("request", lambda asked: _is_ours(reader, asked.url))


def _is_ours(reader: Reader, url: str) -> None:
    if not url.startswith((reader.card.address, "blob:", "data:")):
        reader.wrong.append(f"asked elsewhere: {url}")


@pytest_asyncio.fixture(loop_scope="session")
async def reader(browser: Browser, card: Card) -> AsyncIterator[Reader]:
    """A reader at a desk."""
    async with a_reader(browser, card) as own:
        yield own
    card.now[0] = NOW
