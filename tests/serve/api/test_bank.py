from tests.helpers import http
from tests.helpers.amplifier_process import LABELS


def test_the_bank_of_a_session_and_of_the_server_are_the_labels_of_their_bundle(server):
    of_session, of_server = (http.get(f"{server}/v1/bank{query}").json() for query in ("?session=s1", ""))
    assert of_session == of_server
    assert of_session["labels"] == list(LABELS)
    assert of_session["bundle"].startswith("sha256:")


def test_the_bank_of_an_unknown_session_is_404(server):
    assert http.get(f"{server}/v1/bank?session=nobody").status_code == 404
