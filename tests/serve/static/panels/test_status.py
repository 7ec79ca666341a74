import pytest

# showState draws into elements of its own; `show()` returns the name, the kind and the detail that are shown.
START = """async () => {
    const { applyMessage, newModel } = await import("/static/model.js");
    const { showState } = await import("/static/panels/status.js");
    const elements = {};
    const byId = (id) => elements[id] ??= document.createElement("i");
    window.model = newModel();
    window.apply = (state, lasting) =>
        applyMessage(window.model, { type: "status", state, detail: `${state}.`, lasting });
    window.show = (connected = true) => {
        showState(byId, window.model, connected);
        return [elements["state-name"].textContent, elements.state.dataset.state, elements["state-detail"].textContent];
    };
}"""


@pytest.fixture
def panel(page):
    page.clock.install(time=0)
    page.clock.pause_at(1)  # seconds: from here on time passes only by run_for
    page.evaluate(START)
    return page


def apply(panel, state, lasting=False):
    panel.evaluate("([state, lasting]) => window.apply(state, lasting)", [state, lasting])


def shown(panel, connected=True):
    return panel.evaluate("(connected) => window.show(connected)", connected)


def test_lost_server_comes_before_everything(panel):
    apply(panel, "live", lasting=True)
    apply(panel, "gap")
    assert shown(panel, connected=False)[:2] == ["no server", "lost"]


def test_notice_is_shown_for_four_seconds(panel):
    apply(panel, "live", lasting=True)
    apply(panel, "gap")
    assert shown(panel) == ["gap", "notice", "gap."]
    panel.clock.run_for(3_900)
    assert shown(panel)[0] == "gap"
    panel.clock.run_for(200)
    assert shown(panel) == ["live", "live", "live."]


def test_notices_in_quick_succession_are_each_shown_long_enough_to_be_read(panel):
    for state in ["one", "gap", "reconnected", "bad_channels", "record_failed"]:
        apply(panel, state)
    sequence = []
    for _ in range(110):
        if not sequence or sequence[-1] != shown(panel)[:2]:
            sequence.append(shown(panel)[:2])
        panel.clock.run_for(50)
    assert sequence == [
        ["gap", "notice"],
        ["reconnected", "news"],
        ["bad channels", "notice"],
        ["record failed", "failed"],
    ]


def test_failed_recording_stays_visible_while_decoding_goes_on(panel):
    apply(panel, "live", lasting=True)
    apply(panel, "record_failed")
    panel.evaluate("() => { window.model.notices = []; }")
    assert shown(panel) == ["not recorded", "failed", "record_failed."]
    apply(panel, "lost", lasting=True)
    assert shown(panel) == ["lost", "lost", "lost."]


def test_pause_stays_visible(panel):
    apply(panel, "live", lasting=True)
    apply(panel, "paused")
    shown(panel)
    panel.clock.run_for(5_000)
    assert shown(panel) == ["paused", "notice", "Decoding waits to be resumed."]
