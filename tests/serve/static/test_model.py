import pytest

LABELS = ["cat", "dog", "cup", "key", "tree", "shoe"]

# The model after some messages, as JSON: its Maps are objects.
APPLY = """async (messages) => {
    const { applyMessage, newModel } = await import("/static/model.js");
    const model = newModel();
    for (const message of messages) applyMessage(model, message);
    const plain = (key, value) => value instanceof Map ? Object.fromEntries(value) : value;
    return JSON.parse(JSON.stringify(model, plain));
}"""


@pytest.fixture
def model_after(page):
    return lambda *messages: page.evaluate(APPLY, list(messages))


def hello(same_run=False):
    return {"type": "hello", "stream": "demo", "labels": LABELS, "sameRun": same_run}


def status(state, lasting=False):
    return {"type": "status", "state": state, "detail": f"{state}.", "lasting": lasting}


def trial(number, label=None, marker="word"):
    return {"type": "trial", "trial": number, "marker": marker, "label": label, "t_onset": 1.0}


def decision(hop, trial, top=("cat",), *, since=0.1, decided=False, gap=False):
    return {
        "type": "decision",
        "hop": hop,
        "trial": trial,
        "since_onset_s": since,
        "top": [{"label": label, "p": 0.5 - 0.1 * i} for i, label in enumerate(top)],
        "decided": decided,
        "quality": {"gap": gap},
        "latency_ms": {"age": float(hop), "encode": 1.0},
    }


def test_model_starts_connecting_and_empty(model_after):
    model = model_after()
    assert (model["state"], model["hello"], model["trial"], model["trials"]) == ("connecting", None, None, {})
    assert model["tally"] == {"trials": 0, "labelled": 0, "top1": 0, "top5": 0, "history": []}


@pytest.mark.parametrize("kind", ["not_in_protocol_1", ""])
def test_message_of_unknown_type_is_ignored(model_after, kind):
    assert model_after({"type": kind, "detail": "news"}) == model_after()


# hello, and what a reconnection keeps


def test_hello_of_another_run_empties_the_model(model_after):
    messages = [hello(), trial(0, "cat"), decision(0, 0), decision(2, None), status("live", lasting=True)]
    assert model_after(*messages)["tally"]["trials"] == 1
    assert model_after(*messages, hello()) == model_after(hello())


def test_hello_after_a_reconnection_keeps_everything(model_after):
    messages = [hello(), trial(0, "cat"), decision(0, 0), status("live", lasting=True)]
    again = model_after(*messages, hello(same_run=True))
    assert again["hello"]["sameRun"]
    assert again | {"hello": None} == model_after(*messages) | {"hello": None}


def test_messages_repeated_after_a_reconnection_count_a_trial_once(model_after):
    messages = [trial(0, "cat"), decision(0, 0), decision(1, None), decision(2, None)]
    assert model_after(hello(), *messages, hello(same_run=True), *messages)["tally"]["trials"] == 1


# status


def test_lasting_status_replaces_the_state(model_after):
    model = model_after(status("live", lasting=True), status("stale", lasting=True))
    assert (model["state"], model["detail"], model["notices"]) == ("stale", "stale.", [])


def test_passing_status_is_a_notice_and_leaves_the_state(model_after):
    model = model_after(status("live", lasting=True), status("gap"))
    assert (model["state"], model["notices"]) == ("live", [{"state": "gap", "detail": "gap."}])


def test_only_the_newest_four_notices_are_kept(model_after):
    model = model_after(*(status(f"n{i}") for i in range(6)))
    assert [notice["state"] for notice in model["notices"]] == ["n2", "n3", "n4", "n5"]


def test_pause_lasts_until_resumed(model_after):
    assert model_after(status("paused"), status("gap"))["paused"]
    assert not model_after(status("paused"), status("resumed"))["paused"]


def test_failed_recording_lasts_until_the_next_run(model_after):
    failed = [hello(), status("record_failed"), status("live", lasting=True)]
    assert model_after(*failed)["recordingError"] == "record_failed."
    assert model_after(*failed, hello())["recordingError"] == ""


def test_dropped_messages_add_up(model_after):
    assert model_after({"type": "dropped", "count": 3}, {"type": "dropped", "count": 4})["skipped"] == 7


# trials


@pytest.mark.parametrize(("label", "shown"), [("cat", "cat"), (None, "word")])
def test_trial_shows_its_label_or_else_the_marker(model_after, label, shown):
    model = model_after(trial(0, label))
    assert (model["trial"]["shown"], model["trial"]["label"]) == (shown, label)


def test_repeated_trial_changes_nothing(model_after):
    assert model_after(trial(0, "cat"), trial(0, "dog")) == model_after(trial(0, "cat"))


def test_only_the_newest_trials_are_kept(model_after):
    trials = model_after(*(trial(n, "cat") for n in range(1000)))["trials"]
    assert list(trials) == [str(n) for n in range(936, 1000)]


def test_trial_without_a_decision_never_becomes_the_previous_one(model_after):
    model = model_after(trial(0, "cat"), decision(0, 0), trial(1, "dog"), trial(2, "cup"))
    assert (model["trial"]["number"], model["previousTrial"]["number"]) == (2, 0)


# decisions


def test_decisions_of_a_trial_draw_a_curve_for_each_label(model_after):
    hops = [decision(0, 0, ("cat", "dog"), since=0.1), decision(1, 0, ("dog", "cat"), since=0.2)]
    model = model_after(trial(0, "cat"), *hops)
    assert model["trial"]["curves"] == {"cat": [[0.1, 0.5], [0.2, 0.4]], "dog": [[0.1, 0.4], [0.2, 0.5]]}
    assert model["decision"] == model["trial"]["lastDecision"] == hops[1]


def test_trial_is_decided_at_the_first_decided_hop(model_after):
    hops = [decision(hop, 0, since=0.1 * hop, decided=hop >= 2) for hop in range(4)]
    assert model_after(trial(0, "cat"), *hops[:2])["trial"]["decidedAt"] is None
    assert model_after(trial(0, "cat"), *hops)["trial"]["decidedAt"] == pytest.approx(0.2)


def test_decision_of_an_unannounced_trial_adds_it_without_a_label(model_after):
    model = model_after(decision(0, 7), decision(2, None))
    assert (model["trials"]["7"]["shown"], model["trials"]["7"]["label"]) == (None, None)
    assert (model["tally"]["trials"], model["tally"]["labelled"]) == (1, 0)


def test_decision_between_trials_is_shown_unless_its_hop_has_one(model_after):
    own, between = decision(3, 0), decision(4, None)
    assert model_after(trial(0), own, between)["decision"] == between
    assert model_after(trial(0), own, between | {"hop": 3})["decision"] == own
    assert model_after(between)["decision"] == between


def test_latency_holds_the_newest_200_decisions_of_each_stage(model_after):
    latency = model_after(*(decision(hop, None) for hop in range(250)))["latency"]
    assert latency == {"age": [float(hop) for hop in range(50, 250)], "encode": [1.0] * 200}


# the tally


def test_trial_finishes_after_a_hop_without_a_decision_of_it(model_after):
    messages = [trial(0, "cat"), decision(0, 0)]
    assert not model_after(*messages, decision(1, None))["trials"]["0"]["finished"]
    model = model_after(*messages, decision(2, None))
    assert model["trials"]["0"]["finished"]
    assert model["tally"]["history"] == [{"shown": "cat", "decoded": "cat", "rank": 0}]


@pytest.mark.parametrize(
    ("top", "rank", "top1", "top5"),
    [(("cat", "dog"), 0, 1, 1), (("dog", "cup", "cat"), 2, 0, 1), (("dog", "cup"), -1, 0, 0)],
)
def test_tally_counts_first_and_among_the_candidates(model_after, top, rank, top1, top5):
    tally = model_after(trial(0, "cat"), decision(0, 0, top), decision(2, None))["tally"]
    history = [{"shown": "cat", "decoded": top[0], "rank": rank}]
    assert tally == {"trials": 1, "labelled": 1, "top1": top1, "top5": top5, "history": history}


def test_trial_with_lost_samples_is_counted_but_not_judged(model_after):
    tally = model_after(trial(0, "cat"), decision(0, 0, gap=True), decision(2, None))["tally"]
    assert tally == {"trials": 1, "labelled": 0, "top1": 0, "top5": 0, "history": []}


def test_late_decision_of_a_finished_trial_is_ignored(model_after):
    messages = [trial(0, "cat"), decision(0, 0), decision(2, None)]
    late = decision(3, 0, ("dog",)) | {"latency_ms": {}}
    assert model_after(*messages, late) == model_after(*messages)


def test_history_holds_the_newest_36_trials(model_after):
    messages = []
    for n in range(40):
        messages += [trial(n, LABELS[n % 6]), decision(4 * n, n), decision(4 * n + 2, None)]
    tally = model_after(*messages)["tally"]
    assert (tally["trials"], tally["labelled"], len(tally["history"])) == (40, 40, 36)
    assert [entry["shown"] for entry in tally["history"]] == [LABELS[n % 6] for n in range(4, 40)]


def test_trials_marked_ahead_of_decisions_are_judged_by_their_own_labels(model_after):
    decisions = [decision(hop, n, (LABELS[n or 0],)) for hop, n in enumerate((0, 1, 2, None, None))]
    model = model_after(*(trial(n, LABELS[n]) for n in range(3)), *decisions)
    assert (model["trial"]["shown"], len(model["trials"])) == ("cup", 3)
    assert (model["tally"]["trials"], model["tally"]["labelled"], model["tally"]["top1"]) == (3, 3, 3)


def test_newest_of_overlapping_trials_is_shown_and_each_counts_once(model_after):
    """Three hops decide trials 0 and 1 both; then 0 ends, then 1. The hop jumps because messages were dropped."""
    messages = [trial(0, "cat"), decision(0, 0, ("cat",)), trial(1, "dog")]
    for hop in (1, 2, 3):
        messages += [decision(hop, 1, ("dog",)), decision(hop, 0, ("cat",))]
    model = model_after(*messages)
    assert (model["trial"]["shown"], model["decision"]["trial"], model["tally"]["trials"]) == ("dog", 1, 0)
    messages += [decision(4, 1, ("dog",)), decision(5, 1, ("dog",))]
    assert model_after(*messages)["tally"]["trials"] == 1
    messages += [decision(9, 1, ("dog",)), decision(10, None), decision(11, None), decision(12, 1, ("dog",))]
    model = model_after(*messages)
    assert (model["trial"]["shown"], model["tally"]["trials"], model["tally"]["top1"]) == ("dog", 2, 2)
