import pytest
import torch

from decoder.networks import build
from tests.helpers.encoders import n_weights, takes_steps

POSITIONS = [(0.09 * x, 0.09 * y, 0.05) for x, y in ((0.9, 0.1), (-0.9, 0.1), (0.1, 0.9), (0.1, -0.9), (0.0, 0.0))]
SHARED = {"n_channels": 6, "sfreq": 120.0, "hop_samples": 4, "embedding_dim": 16, "positions": [*POSITIONS, None]}
SMALL = {"n_virtual": 8, "n_waves": 4, "dim": 12, "head": [16]}


def test_image_module_has_the_block_sizes_that_add_up_to_the_paper_s_total() -> None:
    made = build("meg_image", **SHARED, n_subjects=4)
    parts = [made.sensors, made.mix, made.subjects, *made.blocks, made.head]
    assert [n_weights(part) for part in parts] == [552_960, 73_170, 291_600, 1_183_360, 1_231_360, 1_518_208]


def test_brain_module_has_five_blocks_that_see_135_samples_at_120_hz() -> None:
    made = build("brain_module", **SHARED)
    assert [n_weights(block) for block in made.blocks] == [1_183_360] + 4 * [1_231_360]
    assert sum(block.receptive_field - 1 for block in made.blocks) + 1 == 135
    assert n_weights(made.head) == 320 * 640 + 640


def test_at_another_rate_it_sees_about_the_same_time() -> None:
    for sfreq in (100.0, 128.0, 250.0, 1000.0):
        made = build("brain_module", **(SHARED | {"sfreq": sfreq}), **SMALL)
        seen = sum(block.receptive_field - 1 for block in made.blocks) + 1
        assert seen / sfreq == pytest.approx(135 / 120, rel=0.08)


@pytest.mark.parametrize("name", ["brain_module", "meg_image"])
@pytest.mark.parametrize(("positions", "found"), [(None, 0), ([POSITIONS[0], *[None] * 5], 1)])
def test_a_montage_without_two_positions_is_refused(name: str, positions: list | None, found: int) -> None:
    with pytest.raises(ValueError, match=f"{found} of 6 channels have a position, needs 2 or more"):
        build(name, **(SHARED | {"positions": positions}))


def test_positions_of_another_number_of_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="positions of 5 channels, needs 6"):
        build("brain_module", **(SHARED | {"positions": POSITIONS}))


def test_subjects_are_heard_each_in_their_own_way() -> None:
    made, x = build("meg_image", **SHARED, **SMALL, n_subjects=3).eval(), torch.randn(2, 6, 120)
    both = made(x, subject=torch.tensor([2, 0]))[0]
    torch.testing.assert_close(both[:1], made(x[:1], subject=2)[0])
    torch.testing.assert_close(both[1:], made(x[1:], subject=0)[0])
    assert not torch.allclose(made(x, subject=1)[0], made(x, subject=0)[0])


@pytest.mark.parametrize("name", ["brain_module", "meg_image"])
def test_learns_which_of_two_sensors_holds_the_rhythm(name: str) -> None:
    torch.manual_seed(0)
    losses = list(takes_steps(build(name, **SHARED, **SMALL, n_blocks=2, dropout=0.1), 40, lr=0.01))
    assert losses[-1] < 0.6 * losses[0]
