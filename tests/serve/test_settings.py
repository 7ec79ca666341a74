import pytest

from realtime.decoding.hop import MAX_TRACKS
from realtime.errors import BadInput
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
def test_an_unusable_setting_is_one_sentence_that_names_it(wrong, said, tmp_path):
    with pytest.raises(BadInput, match=said) as refused:
        Settings(bundle=tmp_path, **wrong)
    assert "\n" not in str(refused.value)
