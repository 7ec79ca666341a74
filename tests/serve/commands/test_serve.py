from pathlib import Path

import pytest

from realtime.errors import BadInput
from serve.commands.serve import main, parse_settings


def test_an_unusable_flag_ends_the_command_with_that_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--bundle", str(tmp_path), "--tracks", "99"])
    assert ended.value.code == 2
    assert "--tracks is 99" in capsys.readouterr().err


def test_an_unusable_variable_is_one_sentence_that_names_it(monkeypatch):
    monkeypatch.setenv("GLIMPSE_ADAPT", "maybe")
    with pytest.raises(BadInput, match="GLIMPSE_ADAPT is 'maybe': .*valid boolean.*; change it, or leave it out"):
        parse_settings(["--bundle", "."])


def test_a_flag_wins_over_its_variable_and_that_over_the_default(monkeypatch):
    for name, value in {"BUNDLE": "there", "TRACKS": "4", "ADAPT": "yes", "LSL_OUT": "1", "OSC": ""}.items():
        monkeypatch.setenv(f"GLIMPSE_{name}", value)
    settings = parse_settings(["--tracks", "1", "--no-lsl-out"])
    assert (settings.bundle, settings.tracks, settings.adapt, settings.lsl_out) == (Path("there"), 1, True, False)
    assert (settings.osc, settings.delay_s) == (None, None)


def test_a_bundle_must_be_named_by_flag_or_variable(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_settings([])
    assert ended.value.code == 2
    assert "--bundle" in capsys.readouterr().err
