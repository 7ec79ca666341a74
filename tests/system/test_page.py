import re
from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import expect

from realtime.errors import BadInput
from serve.api.server import serving
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND, CHANNELS, LABELS, ROW
from tests.helpers.chromium import chromium


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def watched(browser):
    """A page with its errors and warnings (`complaints`) and the addresses of its requests (`requests`)."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.complaints, page.requests = [], []
    page.on(
        "console",
        lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("websocket", lambda socket: page.requests.append(socket.url))
    yield page
    page.close()


def painted(page):
    """How many different colours the traces hold."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("traces");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(data.buffer)).size;
        }"""
    )


def test_the_page_shows_a_live_decoding(server, watched, tmp_path):
    """Labels, bars, traces, state, tally and latency are there; nothing is complained of, nothing leaves loopback."""
    watched.goto(server)
    watched.wait_for_selector('#state[data-state="live"]', timeout=10_000)
    expect(watched.locator("#tally-trials")).to_have_text("2", timeout=10_000)
    expect(watched.locator("#latency tbody tr")).to_have_count(4)
    bars = watched.locator("#bars li .label").all_inner_texts()
    assert len(bars) == 5
    assert set(bars) <= set(LABELS)
    assert all(text.endswith("%") for text in watched.locator("#bars .percent").all_inner_texts())
    expect(watched.locator("#shown")).to_have_text(re.compile("|".join(LABELS)))
    expect(watched.locator("#verdict")).to_have_class(re.compile("match|differs"), timeout=10_000)
    assert watched.locator("#confidence polyline.first").count() == 1
    assert painted(watched) > 20
    assert f"{len(CHANNELS)} channels" in watched.inner_text("#stream")
    assert "simulated signal, not CLIP" in watched.inner_text("#bundle")
    assert "chance 10%" in watched.inner_text(".tally")
    assert float(watched.locator("#latency tbody tr td:nth-child(2)").first.inner_text()) > 0
    assert watched.complaints == []
    assert all(url.split("//")[1].startswith("127.0.0.1:") for url in watched.requests)
    watched.screenshot(path=tmp_path / "page.png")


@pytest.mark.parametrize("width", [400, 820, 1280])
def test_nothing_overflows_sideways(server, watched, width):
    watched.set_viewport_size({"width": width, "height": 800})
    watched.goto(server)
    watched.wait_for_selector('#state[data-state="live"]')
    assert watched.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_survives_a_server_that_goes_and_comes_back(tmp_path, watched):
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0), BACKEND) as server:
        watched.goto(server)
        watched.wait_for_selector('#state[data-state="live"]')
    expect(watched.locator("#state-name")).to_have_text("no server", timeout=10_000)
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=int(server.rsplit(":", 1)[1])), BACKEND):
        watched.wait_for_selector('#state[data-state="live"]', timeout=10_000)


def test_without_a_session_the_page_offers_the_streams_in_sight(server, watched):
    httpx.delete(f"{server}/v1/sessions/s1")
    watched.goto(server)
    watched.get_by_role("button", name="Decode").click(timeout=10_000)
    watched.wait_for_selector('#state[data-state="live"]', timeout=10_000)
    assert watched.complaints == []


def test_streams_of_one_name_are_told_apart_and_a_refusal_is_in_words(tmp_path, watched):
    twins = [ROW._replace(source_id="left")._asdict(), ROW._replace(source_id="right")._asdict()]
    asked = []

    def query(stream, markers, delay_s):
        asked.append(stream)
        raise BadInput("it is asleep")

    def refuse(route):
        detail = [{"loc": ["body", "stream"], "msg": "too short"}]
        route.fulfill(status=422, json={"detail": detail}) if route.request.method == "POST" else route.continue_()

    with serving(Settings(bundle=tmp_path, port=0), replace(BACKEND, streams=list, query=query)) as server:
        watched.route("**/v1/streams", lambda route: route.fulfill(json=twins))
        watched.goto(server)
        watched.get_by_role("button", name="Decode").last.click(timeout=10_000)
        expect(watched.locator("#refusal")).to_have_text("it is asleep")
        assert asked == ["right"]
        watched.route("**/v1/sessions", refuse)
        watched.get_by_role("button", name="Decode").last.click(timeout=10_000)
        expect(watched.locator("#refusal")).to_have_text("stream: too short")


def test_bad_channels_and_artifacts_are_named_beside_the_traces(server, watched):
    watched.goto(server)
    expect(watched.locator("#signal-note")).to_contain_text("1 bad channel struck out", timeout=10_000)
    expect(watched.locator("#signal-note")).to_contain_text("artifacts barred", timeout=10_000)
    assert watched.complaints == []


def test_a_pause_stays_in_sight_and_is_told_to_who_comes_later(server, watched):
    httpx.post(f"{server}/v1/sessions/s1/pause")
    watched.goto(server)
    expect(watched.locator("#state-detail")).to_have_text("Decoding waits to be resumed.", timeout=10_000)
    httpx.post(f"{server}/v1/sessions/s1/resume")
    watched.wait_for_selector('#state[data-state="live"]', timeout=10_000)


def test_the_api_page_needs_no_network(server, watched):
    watched.goto(f"{server}/docs")
    watched.wait_for_selector("#paths details")
    assert "/v1/sessions" in watched.inner_text("#paths")
    assert watched.complaints == []
    assert all(url.startswith(server) for url in watched.requests)
