import socket

import numpy as np
import pytest
from pythonosc.osc_message import OscMessage

from realtime.decoding.decision import Candidate
from realtime.errors import BadInput
from realtime.live.messages import TrialMessage, status_message
from serve.api.app import create_app
from serve.api.server import serving
from serve.sessions.osc import MAX_SCORES, OscSink, osc_address
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND, LABELS
from tests.helpers.messages import decision_message, hello_message
from tests.helpers.waiting import PATIENCE_S


@pytest.fixture
def udp():
    """A UDP socket that waits for packets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(PATIENCE_S)
        yield listening


def heard(udp):
    message = OscMessage(udp.recv(65536))
    return message.address, message.params


@pytest.fixture
def sink(udp):
    made = OscSink("s1", udp.getsockname())
    yield made
    made.close()


def decision(p, **more):
    return decision_message(top=(Candidate("café", np.float32(max(p)), 0.1),), p=np.float32(p), **more)


def test_a_decision_is_sent_as_its_best_label_and_all_scores(sink, udp):
    sink.send(decision([0.25, 0.75]))
    assert heard(udp) == ("/glimpse/s1/decision", ["café", 0.75, 4, 0.5])
    assert heard(udp) == ("/glimpse/s1/scores", [0.25, 0.75])


def test_outside_a_trial_number_and_time_are_minus_one(sink, udp):
    sink.send(decision([0.25, 0.75], trial=None, since_onset_s=None))
    assert heard(udp) == ("/glimpse/s1/decision", ["café", 0.75, -1, -1.0])


def test_a_status_is_sent_as_state_and_sentence(sink, udp):
    sink.send(TrialMessage("s1", 1, 9.5, "T1", None))
    sink.send(hello_message())
    sink.send(status_message("s1", "gap", "12 samples were lost."))
    assert heard(udp) == ("/glimpse/s1/status", ["gap", "12 samples were lost."])


def test_the_scores_of_many_labels_are_not_sent(sink, udp):
    sink.send(decision(np.full(MAX_SCORES + 1, 0.001)))
    sink.send(status_message("s1", "live", ""))
    assert [heard(udp)[0] for _ in range(2)] == ["/glimpse/s1/decision", "/glimpse/s1/status"]


def test_osc_without_a_receiver_raises_nothing(udp):
    address = udp.getsockname()
    udp.close()
    sink = OscSink("s1", address)
    for _ in range(20):
        sink.send(decision([0.25, 0.75]))
    sink.close()


def test_a_server_sends_its_decisions(udp, tmp_path):
    address = "{}:{}".format(*udp.getsockname())
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0, osc=address), BACKEND):
        got = [heard(udp) for _ in range(9)]
    addresses = [where for where, _ in got]
    assert addresses[0] == "/glimpse/s1/status"
    at = addresses.index("/glimpse/s1/decision")
    (label, p, trial, since), scores = got[at][1], got[at + 1][1]
    assert label in LABELS
    assert p == max(scores)
    assert len(scores) == len(LABELS)
    assert trial >= 0
    assert 0 < since <= 1.5


@pytest.mark.parametrize("text", ["9000", "host:", ":9000", "127.0.0.1:99999", "127.0.0.1:port", ""])
def test_an_unusable_address_is_refused_in_one_sentence(text):
    with pytest.raises(BadInput, match="--osc: .* found, host:port is needed"):
        osc_address(text)


def test_a_name_with_both_addresses_is_sent_to_over_ipv4(monkeypatch):
    six = (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", 9000, 0, 0))
    four = (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", 9000))
    monkeypatch.setattr("serve.sessions.osc.socket.getaddrinfo", lambda *asked, **how: [six, four])
    assert osc_address("localhost:9000") == ("127.0.0.1", 9000)
    monkeypatch.setattr("serve.sessions.osc.socket.getaddrinfo", lambda *asked, **how: [six])
    assert osc_address("localhost:9000") == ("::1", 9000)


def test_osc_ignores_the_refusal_of_an_unused_port(tmp_path):
    """UDP to a port where nobody is: the machine may answer that nobody is there, and the next send must not fail."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    dead = OscSink("s1", address)
    for _ in range(5):
        dead.send(status_message("s1", "live", "Samples arrive."))
    dead.close()


def test_ipv6_is_written_in_brackets():
    assert osc_address("[::1]:9000") == ("::1", 9000)


def test_a_missing_package_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("serve.sessions.osc.find_spec", lambda name: None)
    with pytest.raises(BadInput, match="install it with"):
        create_app(Settings(bundle=tmp_path, osc="127.0.0.1:9000"), BACKEND)
