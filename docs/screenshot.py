"""Makes docs/page.png: the page of the running demo, taken by Chromium: `python docs/screenshot.py`."""

import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from serve.demo import DemoCommand, demo

OUT = Path(__file__).parent / "page.png"
PORT = 8799


def main() -> None:
    """Run the demo for 40 s and take the picture in the middle of a trial."""
    running = threading.Thread(target=demo, args=(DemoCommand(seconds=40, browser=False, port=PORT, seed=5),))
    running.start()
    time.sleep(12)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{PORT}")
        time.sleep(20)
        page.screenshot(path=OUT)
        browser.close()
    running.join()


if __name__ == "__main__":
    main()
