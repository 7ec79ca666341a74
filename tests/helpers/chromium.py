"""Chromium for the tests of the page, and the page's modules without a server."""

import mimetypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ADDRESS = "http://page.test"  # never resolved: requests to it are answered from serve/static


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium, closed at the end. Skips the test where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: set CHROMIUM to one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=ARGS)
        yield browser
        browser.close()


@contextmanager
def blank_page(browser: Browser) -> Iterator[Page]:
    """An empty page of ADDRESS that can import the modules of serve/static as `/static/model.js` etc."""
    page = browser.new_page()
    page.route("**/*", _answer)
    page.goto(f"{ADDRESS}/")
    yield page
    page.close()


def _answer(route: Route) -> None:
    path = route.request.url.removeprefix(f"{ADDRESS}/")
    if path:
        body = (files("serve") / path).read_bytes()
        route.fulfill(body=body, content_type=mimetypes.guess_type(path)[0])
    else:
        route.fulfill(body="<!doctype html><title>blank</title>", content_type="text/html")
