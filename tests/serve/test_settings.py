import pytest

from realtime.decoding.hop import MAX_TRACKS
from realtime.errors import BadInput
from serve.commands.serve import from_environment, main
from serve.settings import Settings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tracks": MAX_TRACKS + 1}, f"--tracks is {MAX_TRACKS + 1}: .* {MAX_TRACKS}; change it, or GLIMPSE_TRACKS"),
        ({"delay_s": -1}, "--delay-s is -1: .* 0; change it, or GLIMPSE_DELAY_S"),
        ({"stream": ""}, "--stream is ''"),
        ({"markers": ""}, "--markers is ''"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence_that_names_it(wrong, said, tmp_path):
    with pytest.raises(BadInput, match=said) as refused:
        Settings(bundle=tmp_path, **wrong)
    assert "\n" not in str(refused.value)


def test_a_flag_that_cannot_be_used_ends_the_command_with_that_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--bundle", str(tmp_path), "--tracks", "99"])
    assert ended.value.code == 2
    assert "--tracks is 99" in capsys.readouterr().err


def test_a_variable_that_is_no_yes_or_no_is_one_sentence(monkeypatch):
    monkeypatch.setenv("GLIMPSE_ADAPT", "maybe")
    with pytest.raises(BadInput, match="GLIMPSE_ADAPT is 'maybe': true or false is needed"):
        from_environment()
