"""Uses Open WebUI in Chromium as a person would, and prints what it saw as JSON. Runs in the environment of Open WebUI.

`python drive.py URL FILE FOLDER`: FOLDER receives a screenshot of each step.
"""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
FLAGS += ("--disable-component-update", "--disable-sync")
ANSWERS = "[...document.querySelectorAll('.chat-assistant')]"
IDLE = f"() => !document.querySelector('button[aria-label=\"Stop\"]') && {ANSWERS}.length >= COUNT"
SETTLED = 1500
"""Milliseconds in which an answer, its charts and its follow-up questions are drawn."""


class Chat:
    """One chat with the mode `react`."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self.seen: dict[str, Any] = {}

    async def begin(self, url: str) -> None:
        await self._page.goto(f"{url}/?models=react")
        await self._page.wait_for_selector("#chat-input")
        await self._page.wait_for_timeout(SETTLED)
        if await (notes := self._page.get_by_text("Okay, Let's Go!")).count():
            await notes.click()

    async def write(self, text: str) -> None:
        await self._page.locator("#chat-input").click()
        await self._page.keyboard.insert_text(text)
        await self._page.wait_for_timeout(400)
        await self._page.keyboard.press("Enter")

    async def ask(self, step: str, text: str) -> None:
        await self.write(text)
        await self.note(step)

    async def click(self, name: str) -> None:
        await self._page.get_by_role("button", name=name, exact=True).last.click()
        await self._page.wait_for_timeout(500)

    async def attach(self, file: str) -> None:
        await self._page.locator("input[type=file]").first.set_input_files(file)
        await self._page.wait_for_timeout(2 * SETTLED)

    async def regenerate(self) -> None:
        await self.click("Regenerate")
        await self._page.get_by_text("Try Again", exact=True).last.click()

    async def edit(self, text: str) -> None:
        message = self._page.locator(".user-message").last
        await message.hover()
        await message.get_by_role("button", name="Edit").click()
        await self._page.locator("textarea").last.fill(text)
        await self.click("Send")

    async def stop(self) -> None:
        await self._page.wait_for_selector("button[aria-label='Stop']")
        await self._page.wait_for_timeout(2 * SETTLED)
        await self.click("Stop")

    async def unfold(self) -> None:
        await self._page.get_by_text("Thought for").last.click()
        await self._page.wait_for_timeout(500)

    async def note(self, step: str) -> None:
        """The last answer, once it is complete, with the page as it is then."""
        await self._page.wait_for_timeout(SETTLED)
        count = len(await self._page.query_selector_all(".user-message"))
        await self._page.wait_for_function(IDLE.replace("COUNT", str(count)), timeout=120_000)
        await self._page.wait_for_timeout(2 * SETTLED)
        await self._page.screenshot(path=self._folder / f"{len(self.seen) + 1:02d}-{step}.png")
        last = f"{ANSWERS}.at(-1)"
        self.seen[step] = {
            "text": await self._page.evaluate(f"() => {last}.innerText"),
            "images": await self._page.evaluate(
                f"() => [...{last}.querySelectorAll('img')].map(i => [i.getAttribute('src'), i.naturalWidth])"
            ),
            "title": await self._page.title(),
            "follow_ups": await self._page.get_by_role("button", name="Follow up:").count(),
        }


async def main(url: str, file: str, folder: Path) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        chat = Chat(page, folder)
        await chat.begin(url)
        await chat.ask("computation", "Sum the squares of 1 to 100.")
        await chat.unfold()
        await chat.note("steps")
        await chat.ask("follow-up", "Double it.")
        await chat.regenerate()
        await chat.note("regenerated")
        await chat.edit("Tell me twice the number.")
        await chat.note("edited")
        await chat.write("Count slowly.")
        await chat.stop()
        await chat.note("stopped")
        await chat.begin(url)
        await chat.attach(file)
        await chat.ask("chart", "Draw a chart of sales.csv.")
        await chat.ask("mean", "And the mean?")
        await browser.close()
    return chat.seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))))
