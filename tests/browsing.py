"""Pages in a real Chromium, driven by Playwright; and what axe-core says of them."""

from __future__ import annotations

import importlib.util
import shutil
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page
    from serving import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # names of other sites, all of which lead here
]
PHONE, DESK = 390, 1280


def missing() -> str:
    """Return why no page can be looked at; empty where one can."""
    if CHROMIUM is None:
        return "there is no chromium here, and tests/ensure_packages.sh got none"
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed; the extra `dev` has it"
    return ""


@cache
def _axe() -> str:
    """Return axe-core's source, as the package axe-playwright-python carries it."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


class Visitor:
    """One person's browser: logged in once; whatever a page complains of is kept in `complaints`."""

    def __init__(self, browser: Browser, server: Server) -> None:
        """Take the browser and the server that is visited."""
        self._browser, self._server = browser, server
        self._contexts: list[BrowserContext] = []
        self._cookies: Any = None
        self.complaints = list[str]()

    def context(self, width: int = DESK, *, login: bool = True, **options: Any) -> BrowserContext:
        """Return a window of that width; the first that logs in does so by the address that `serve` printed."""
        given = {"viewport": {"width": width, "height": 844}, "locale": "en-GB", "timezone_id": "Europe/Berlin"}
        state = {"storage_state": self._cookies} if login and self._cookies else {}
        made = self._browser.new_context(**(given | state | options))
        self._contexts.append(made)
        made.on("weberror", lambda error: self.complaints.append(str(error.error)))
        made.on("console", lambda told: self.complaints.append(told.text) if told.type == "error" else None)
        if login and not self._cookies:
            page = made.new_page()
            page.goto(self._server.login)
            page.locator("main button[type=submit], main form button").first.click()
            page.wait_for_url("**/scheduler")
            page.close()
            self._cookies = made.storage_state()
        return made

    def open(self, path: str, width: int = DESK, **options: Any) -> Page:
        """Return a page of the server in a window of its own."""
        page = self.context(width, **options).new_page()
        answer = page.goto(self._server.url + path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status} {answer.text()[:300]}"
        return page

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page: rule, element, what to do."""
    page.evaluate(_axe())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """Return the elements that stand out of the window to the right, those in a scrolling box of their own left out."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth, found = [];
          const boxed = each => { for (let up = each.parentElement; up; up = up.parentElement)
            if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX) && up !== document.body) return true;
            return false };
          for (const each of document.querySelectorAll("body *")) {
            const box = each.getBoundingClientRect();
            if (box.width && box.height && box.right > width + 0.5 && !boxed(each))
              found.push(each.tagName + " " + (each.textContent || "").trim().slice(0, 40));
          }
          if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways");
          return found }"""
    )
    return found
