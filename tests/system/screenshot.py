"""Write docs/page.png, a screenshot of the page of `glimpse demo`: `make screenshot`."""

import threading
import time
from pathlib import Path

from serve.commands.demo import DemoCommand, run_demo
from tests.helpers.chromium import chromium

OUT = Path(__file__).parents[2] / "docs" / "page.png"
PORT = 8799


def main() -> None:
    running = threading.Thread(target=run_demo, args=(DemoCommand(seconds=35, browser=False, port=PORT, seed=5),))
    running.start()
    time.sleep(12)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{PORT}")
        time.sleep(18)  # enough trials for the tally
        page.get_by_text("✓ match").wait_for()
        page.screenshot(path=OUT)
    running.join()


if __name__ == "__main__":
    main()
