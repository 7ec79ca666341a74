"""Makes docs/page.png, the page of the running demo as Chromium shows it: `make screenshot`."""

import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from serve.demo import DemoCommand, demo
from tests.serve.test_page import ARGS, CHROMIUM

OUT = Path(__file__).parents[2] / "docs" / "page.png"
PORT = 8799


def main() -> None:
    running = threading.Thread(target=demo, args=(DemoCommand(seconds=35, browser=False, port=PORT, seed=5),))
    running.start()
    time.sleep(12)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{PORT}")
        time.sleep(18)  # trials enough for the tally
        page.get_by_text("✓ match").wait_for()
        page.screenshot(path=OUT)
        browser.close()
    running.join()


if __name__ == "__main__":
    main()
