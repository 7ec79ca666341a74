from realtime.live.messages import HelloMessage
from serve.client.client import watch
from serve.client.score import Score


def test_client_ignores_proxy_environment_variables(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    assert isinstance(next(watch(server, "s1", Score(), 0.0)), HelloMessage)
