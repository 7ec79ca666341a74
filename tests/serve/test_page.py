import os
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from realtime.errors import BadInput
from serve.main import serving
from serve.settings import Settings
from tests.serve.amplifier import BACKEND, CHANNELS, LABELS, ROW

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: set CHROMIUM to one")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watched(browser):
    """A page with everything it complained about and every address it asked for."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.complaints, page.asked = [], []
    page.on("console", lambda said: page.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("websocket", lambda socket: page.asked.append(socket.url))
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


@needs_chromium
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
    assert watched.locator("#growth polyline.first").count() == 1
    assert painted(watched) > 20
    assert f"{len(CHANNELS)} channels" in watched.inner_text("#stream")
    assert "simulated signal, not CLIP" in watched.inner_text("#bundle")
    assert "chance 10%" in watched.inner_text(".tally")
    assert float(watched.locator("#latency tbody tr td:nth-child(2)").first.inner_text()) > 0
    assert watched.complaints == []
    assert all(url.split("//")[1].startswith("127.0.0.1:") for url in watched.asked)
    watched.screenshot(path=tmp_path / "page.png")


@needs_chromium
@pytest.mark.parametrize("width", [400, 820, 1280])
def test_nothing_overflows_sideways(server, watched, width):
    watched.set_viewport_size({"width": width, "height": 800})
    watched.goto(server)
    watched.wait_for_selector('#state[data-state="live"]')
    assert watched.evaluate("document.documentElement.scrollWidth") <= width


@needs_chromium
def test_the_page_survives_a_server_that_goes_and_comes_back(tmp_path, watched):
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0), BACKEND) as server:
        watched.goto(server)
        watched.wait_for_selector('#state[data-state="live"]')
    expect(watched.locator("#state-name")).to_have_text("no server", timeout=10_000)
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=int(server.rsplit(":", 1)[1])), BACKEND):
        watched.wait_for_selector('#state[data-state="live"]', timeout=10_000)


@needs_chromium
def test_without_a_session_the_page_offers_the_streams_in_sight(server, watched):
    httpx.delete(f"{server}/v1/sessions/s1")
    watched.goto(server)
    watched.get_by_role("button", name="Decode").click(timeout=10_000)
    watched.wait_for_selector('#state[data-state="live"]', timeout=10_000)
    assert watched.complaints == []


@needs_chromium
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


def marked(trial):
    return {"type": "trial", "trial": trial, "marker": LABELS[trial], "label": LABELS[trial]}


def decided(hop, trial):
    return {
        "type": "decision",
        "hop": hop,
        "trial": trial,
        "since_onset_s": 0.1,
        "top": [{"label": LABELS[trial or 0], "p": 0.5}],
        "decided": False,
        "quality": {"gap": False},
        "latency_ms": {},
    }


FOLDED = """async (said) => {
    const { fold, newModel } = await import("/static/model.js");
    const model = newModel();
    for (const message of said) fold(model, message);
    const { trial, tally, trials } = model;
    return { shown: trial.shown, known: tally.known, top1: tally.top1, trials: tally.trials, kept: trials.size };
}"""


@needs_chromium
def test_what_was_shown_is_known_however_many_markers_run_ahead(server, watched):
    """Three trials are marked before the first is decided; each is then judged by its own label."""
    watched.goto(f"{server}/docs")
    trials = [marked(n) for n in range(3)]
    decisions = [decided(hop, trial) for hop, trial in enumerate((0, 1, 2, None, None))]
    folded = watched.evaluate(FOLDED, trials + decisions)
    assert folded == {"shown": LABELS[2], "known": 3, "top1": 3, "trials": 3, "kept": 3}
    many = [marked(0) | {"trial": n} for n in range(1000)]
    assert watched.evaluate(FOLDED, many)["kept"] < 100


@needs_chromium
def test_of_trials_that_overlap_the_newest_is_drawn_and_each_is_counted_once(server, watched):
    """Three hops decide trials 0 and 1 both; then 0 ends, then 1. A hop jumps when a client lost messages."""
    watched.goto(f"{server}/docs")
    said = [marked(0), decided(0, 0), marked(1)]
    for hop in (1, 2, 3):
        said += [decided(hop, 1), decided(hop, 0)]
    folded = watched.evaluate(FOLDED, said)
    assert (folded["shown"], folded["trials"]) == (LABELS[1], 0)
    said += [decided(4, 1), decided(5, 1)]
    assert watched.evaluate(FOLDED, said)["trials"] == 1
    said += [decided(9, 1), decided(10, None), decided(11, None), decided(12, 1)]
    folded = watched.evaluate(FOLDED, said)
    assert (folded["shown"], folded["known"], folded["top1"], folded["trials"]) == (LABELS[1], 2, 2, 2)


@needs_chromium
def test_bad_channels_and_artifacts_are_named_beside_the_traces(server, watched):
    watched.goto(server)
    expect(watched.locator("#signal-note")).to_contain_text("1 bad channel struck out", timeout=10_000)
    expect(watched.locator("#signal-note")).to_contain_text("artifacts barred", timeout=10_000)
    assert watched.complaints == []


@needs_chromium
def test_a_blink_does_not_flatten_the_traces(server, watched):
    """Microvolts between two baselines, for 10 uV of noise without and with a blink of 500 uV in every channel."""
    watched.goto(server)
    spacing = watched.evaluate(
        """async () => {
            const { Traces } = await import("/static/traces.js");
            return [0, 500].map((blink) => {
                const traces = new Traces(document.createElement("canvas")), n = 600;
                const samples = Float32Array.from({ length: 4 * n }, (_, i) =>
                    17 * Math.sin(i * i) + (i > 1200 && i < 1240 ? blink : 0));
                traces.add({ tFirst: 0, sfreq: 100, nTimes: n, nChannels: 4, samples });
                traces.measure(0, -1);
                return traces.spacing;
            });
        }"""
    )
    assert spacing[0] == 50
    assert spacing[1] <= 5 * spacing[0]


@needs_chromium
def test_a_pause_stays_in_sight_and_is_told_to_who_comes_later(server, watched):
    httpx.post(f"{server}/v1/sessions/s1/pause")
    watched.goto(server)
    expect(watched.locator("#state-detail")).to_have_text("Decoding waits to be resumed.", timeout=10_000)
    httpx.post(f"{server}/v1/sessions/s1/resume")
    watched.wait_for_selector('#state[data-state="live"]', timeout=10_000)


@needs_chromium
def test_a_recording_that_failed_stays_in_sight_while_decoding_goes_on(server, watched):
    """Whoever looks away for a minute must not think that the session is in a file; a lost stream is said first."""
    watched.goto(f"{server}/docs")
    shown = watched.evaluate(
        """async () => {
            const { fold, newModel } = await import("/static/model.js");
            const { showState } = await import("/static/panels.js");
            const model = newModel(), parts = {};
            const find = (id) => parts[id] ??= document.createElement("i");
            const now = () => (showState(find, model, true), parts["state-name"].textContent);
            const detail = "The disk is full.";
            const say = (state, lasting) => fold(model, { type: "status", state, detail, lasting });
            say("live", true);
            say("record_failed", false);
            model.moments = []; // its time is over
            const seen = [now(), parts["state-detail"].textContent];
            say("lost", true);
            return [...seen, now()];
        }"""
    )
    assert shown == ["not recorded", "The disk is full.", "lost"]


@needs_chromium
def test_moments_that_come_fast_are_each_shown_long_enough_to_be_read(server, watched):
    watched.goto(f"{server}/docs")
    seen = watched.evaluate(
        """async () => {
            const { fold, newModel } = await import("/static/model.js");
            const { showState } = await import("/static/panels.js");
            const model = newModel(), parts = {}, seen = [];
            const find = (id) => parts[id] ??= document.createElement("i");
            for (const state of ["one", "gap", "reconnected", "bad_channels", "record_failed"])
                fold(model, { type: "status", state, detail: state, lasting: false });
            const began = performance.now();
            while (performance.now() - began < 5500) {
                showState(find, model, true);
                const now = [parts["state-name"].textContent, parts.state.dataset.state].join(": ");
                if (seen.at(-1) !== now) seen.push(now);
                await new Promise((done) => setTimeout(done, 50));
            }
            return seen;
        }"""
    )
    assert seen == ["gap: moment", "reconnected: news", "bad channels: moment", "record failed: failed"]


@needs_chromium
def test_the_api_page_needs_no_network(server, watched):
    watched.goto(f"{server}/docs")
    watched.wait_for_selector("#paths details")
    assert "/v1/sessions" in watched.inner_text("#paths")
    assert watched.complaints == []
    assert all(url.startswith(server) for url in watched.asked)
