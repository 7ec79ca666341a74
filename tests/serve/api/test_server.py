import signal
import socket
from dataclasses import replace

import pytest

from realtime.errors import BadInput
from serve.api.server import Server, listen, serving
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND


def test_a_server_that_cannot_start_raises_one_sentence(tmp_path, capsys):
    with pytest.raises(BadInput, match="not a folder"), serving(Settings(bundle=tmp_path / "no", port=0), BACKEND):
        pass
    with serving(Settings(bundle=tmp_path, port=0), BACKEND) as server:
        port = int(server.rsplit(":", 1)[1])
        with pytest.raises(BadInput, match=f"port {port}"):
            listen(Settings(bundle=tmp_path, port=port))


def test_a_defect_at_the_start_reaches_the_caller(tmp_path):
    def broken(path):
        raise RuntimeError("no libfoo")

    backend = replace(BACKEND, load=broken)
    with pytest.raises(RuntimeError, match="no libfoo"), serving(Settings(bundle=tmp_path, port=0), backend):
        pass


def test_a_second_interrupt_does_not_cut_the_end_short(tmp_path):
    """Uvicorn would skip the end of the app, and with it the reading back of a recording."""
    server = Server(Settings(bundle=tmp_path), BACKEND)
    server.handle_exit(signal.SIGINT, None)
    server.handle_exit(signal.SIGINT, None)
    assert (server.should_exit, server.force_exit) == (True, False)


@pytest.mark.parametrize("host", ["192.0.2.1", "nobody.invalid"])
def test_an_address_of_another_machine_is_not_blamed_on_the_port(host, tmp_path):
    with pytest.raises(BadInput, match=f"Cannot listen on {host} .* choose another address with --host") as refused:
        listen(Settings(bundle=tmp_path, host=host, port=0))
    assert "while attempting" not in str(refused.value)


def test_a_port_in_use_is_one_sentence(tmp_path):
    taken, url = listen(Settings(bundle=tmp_path, port=0))
    with taken, pytest.raises(BadInput, match="choose another port with --port"):
        listen(Settings(bundle=tmp_path, port=int(url.rpartition(":")[2])))


def test_messages_are_sent_without_nagle_delay(tmp_path):
    """Nagle's algorithm is off on an accepted connection: on, a decision after a ping was 40 ms late."""
    listening, url = listen(Settings(bundle=tmp_path, port=0))
    with listening, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
