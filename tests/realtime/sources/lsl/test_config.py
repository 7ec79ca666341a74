"""liblsl uses our quiet configuration unless the user has one."""

from realtime.sources.lsl import config


def test_without_a_configuration_of_the_user_liblsl_reads_ours(monkeypatch, tmp_path):
    monkeypatch.delenv("LSLAPICFG", raising=False)
    monkeypatch.setattr(config, "USER_FILES", (tmp_path / "none.cfg",))
    config.configure_liblsl()
    assert config.os.environ["LSLAPICFG"] == str(config.OURS)
    assert config.OURS.exists()


def test_a_configuration_of_the_user_is_left_alone(monkeypatch, tmp_path):
    """By variable or by file."""
    monkeypatch.setenv("LSLAPICFG", "mine.cfg")
    config.configure_liblsl()
    assert config.os.environ["LSLAPICFG"] == "mine.cfg"
    monkeypatch.delenv("LSLAPICFG")
    (tmp_path / "lsl_api.cfg").touch()
    monkeypatch.setattr(config, "USER_FILES", (tmp_path / "lsl_api.cfg",))
    config.configure_liblsl()
    assert "LSLAPICFG" not in config.os.environ
