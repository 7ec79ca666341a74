import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from realtime.errors import BadInput
from serve.api.server import serving
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND, CHANNELS, LABELS, ROW
from tests.helpers.chromium import chromium
from tests.helpers.waiting import PATIENCE_S, until


@pytest.fixture(scope="module")
def browser():
    expect.set_options(timeout=PATIENCE_S * 1e3)
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser):
    """A page that collects its errors and warnings (`errors`) and the addresses of its requests (`requests`)."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_S * 1e3)
    page.errors, page.requests = [], []

    def on_console(message):
        if message.type in ("error", "warning"):
            page.errors.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("websocket", lambda socket: page.requests.append(socket.url))
    yield page
    page.close()


def n_colours(page):
    """The number of different colours in the traces."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("traces");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(data.buffer)).size;
        }"""
    )


def test_page_shows_a_live_session_and_requests_only_loopback(server, page, tmp_path):
    """Labels, bars, traces, state, tally and latency are shown, without an error in the console."""
    page.goto(server)
    page.wait_for_selector('#state[data-state="live"]')
    expect(page.locator("#tally-trials")).to_have_text(re.compile(r"^([2-9]|\d\d+)$"))
    expect(page.locator("#latency tbody tr")).to_have_count(4)
    expect(page.locator("#bars li .label")).to_have_count(5)
    bars = page.locator("#bars li .label").all_inner_texts()
    assert set(bars) <= set(LABELS)
    assert all(text.endswith("%") for text in page.locator("#bars .percent").all_inner_texts())
    expect(page.locator("#shown")).to_have_text(re.compile("|".join(LABELS)))
    expect(page.locator("#verdict")).to_have_class(re.compile("match|differs"))
    expect(page.locator("#confidence polyline.first")).to_have_count(1)
    assert until(lambda: n_colours(page) > 20)
    assert f"{len(CHANNELS)} channels" in page.inner_text("#stream")
    assert "simulated signal, not CLIP" in page.inner_text("#bundle")
    assert "chance 10%" in page.inner_text(".tally")
    expect(page.locator("#latency tbody tr td:nth-child(2)").first).to_have_text(re.compile("[1-9]"))
    assert page.errors == []
    assert all(url.split("//")[1].startswith("127.0.0.1:") for url in page.requests)
    page.screenshot(path=tmp_path / "page.png")


@pytest.mark.parametrize("width", [400, 820, 1280])
def test_page_fits_the_width_of_the_window(server, page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(server)
    page.wait_for_selector('#state[data-state="live"]')
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_page_reconnects_after_a_restart_of_the_server(tmp_path, page):
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0), BACKEND) as server:
        page.goto(server)
        page.wait_for_selector('#state[data-state="live"]')
    expect(page.locator("#state-name")).to_have_text("no server")
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=int(server.rsplit(":", 1)[1])), BACKEND):
        page.wait_for_selector('#state[data-state="live"]')


def test_page_without_a_session_lists_the_streams_to_decode(server, page):
    http.delete(f"{server}/v1/sessions/s1")
    page.goto(server)
    page.get_by_role("button", name="Decode").click()
    page.wait_for_selector('#state[data-state="live"]')
    assert page.errors == []


def test_streams_of_one_name_differ_by_source_id_and_a_refusal_is_shown(tmp_path, page):
    twins = [ROW._replace(source_id="left")._asdict(), ROW._replace(source_id="right")._asdict()]
    queries = []

    def query(stream, markers, delay_s):
        queries.append(stream)
        raise BadInput("it is asleep")

    def refuse(route):
        detail = [{"loc": ["body", "stream"], "msg": "too short"}]
        route.fulfill(status=422, json={"detail": detail}) if route.request.method == "POST" else route.continue_()

    with serving(Settings(bundle=tmp_path, port=0), replace(BACKEND, streams=list, query=query)) as server:
        page.route("**/v1/streams", lambda route: route.fulfill(json=twins))
        page.goto(server)
        page.get_by_role("button", name="Decode").last.click()
        expect(page.locator("#refusal")).to_have_text("it is asleep")
        assert queries == ["right"]
        page.route("**/v1/sessions", refuse)
        page.get_by_role("button", name="Decode").last.click()
        expect(page.locator("#refusal")).to_have_text("stream: too short")


def test_note_of_the_traces_names_bad_channels_and_artifacts(server, page):
    page.goto(server)
    expect(page.locator("#signal-note")).to_contain_text("1 bad channel struck out")
    expect(page.locator("#signal-note")).to_contain_text("artifacts barred")
    assert page.errors == []


def test_page_opened_during_a_pause_shows_it_until_resumed(server, page):
    http.post(f"{server}/v1/sessions/s1/pause")
    page.goto(server)
    expect(page.locator("#state-detail")).to_have_text("Decoding waits to be resumed.")
    http.post(f"{server}/v1/sessions/s1/resume")
    page.wait_for_selector('#state[data-state="live"]')


def test_api_page_requests_only_its_own_server(server, page):
    page.goto(f"{server}/docs")
    page.wait_for_selector("#paths details")
    assert "/v1/sessions" in page.inner_text("#paths")
    assert page.errors == []
    assert all(url.startswith(server) for url in page.requests)
