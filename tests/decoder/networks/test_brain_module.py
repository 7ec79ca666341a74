import pytest
import torch
import torch.nn.functional as F

from decoder.networks import build_network
from decoder.networks.brain_module import ConvPair
from tests.helpers.encoders import n_weights, takes_steps

POSITIONS = [(0.09 * x, 0.09 * y, 0.05) for x, y in ((0.9, 0.1), (-0.9, 0.1), (0.1, 0.9), (0.1, -0.9), (0.0, 0.0))]
SHARED = {"n_channels": 6, "sfreq": 120.0, "hop_samples": 4, "embedding_dim": 16, "positions": [*POSITIONS, None]}
SMALL = {"n_virtual": 8, "n_waves": 4, "dim": 12, "head": [16]}


def test_image_module_has_the_block_sizes_that_add_up_to_the_paper_s_total() -> None:
    network = build_network("meg_image", **SHARED, n_subjects=4)
    parts = [network.sensors, network.mix, network.subjects, *network.blocks, network.head]
    assert [n_weights(part) for part in parts] == [552_960, 73_170, 291_600, 1_183_360, 1_231_360, 1_518_208]


def test_brain_module_has_five_blocks_that_see_135_samples_at_120_hz() -> None:
    network = build_network("brain_module", **SHARED)
    assert [n_weights(block) for block in network.blocks] == [1_183_360] + 4 * [1_231_360]
    assert sum(block.receptive_field - 1 for block in network.blocks) + 1 == 135
    assert n_weights(network.head) == 320 * 640 + 640


def test_at_another_rate_it_sees_about_the_same_time() -> None:
    for sfreq in (100.0, 128.0, 250.0, 1000.0):
        network = build_network("brain_module", **(SHARED | {"sfreq": sfreq}), **SMALL)
        seen = sum(block.receptive_field - 1 for block in network.blocks) + 1
        assert seen / sfreq == pytest.approx(135 / 120, rel=0.08)


@pytest.mark.parametrize("n_in", [4, 3])
def test_convolutions_are_skipped_where_widths_agree_and_there_alone(n_in: int) -> None:
    """With both convolutions silent, the gate gets what went in, or nothing where it does not fit."""
    pair, x = ConvPair(n_in, 4, (1, 2), 1).eval(), torch.randn(2, n_in, 20)
    with torch.no_grad():
        for conv in (pair.first.conv, pair.second.conv):
            conv.weight.zero_()
            conv.bias.zero_()
    given = x if n_in == 4 else torch.zeros(2, 4, 20)
    torch.testing.assert_close(pair(x)[0], F.glu(pair.gate(given)[0], dim=1))


@pytest.mark.parametrize("name", ["brain_module", "meg_image"])
@pytest.mark.parametrize(("positions", "found"), [(None, 0), ([POSITIONS[0], *[None] * 5], 1)])
def test_a_montage_without_two_positions_is_refused(name: str, positions: list | None, found: int) -> None:
    with pytest.raises(ValueError, match=f"{found} of 6 channels have a position, needs 2 or more"):
        build_network(name, **(SHARED | {"positions": positions}))


def test_positions_of_another_number_of_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="positions of 5 channels, needs 6"):
        build_network("brain_module", **(SHARED | {"positions": POSITIONS}))


def test_each_subject_has_weights_of_its_own() -> None:
    network, x = build_network("meg_image", **SHARED, **SMALL, n_subjects=3).eval(), torch.randn(2, 6, 120)
    both = network(x, subject=torch.tensor([2, 0]))[0]
    torch.testing.assert_close(both[:1], network(x[:1], subject=2)[0])
    torch.testing.assert_close(both[1:], network(x[1:], subject=0)[0])
    assert not torch.allclose(network(x, subject=1)[0], network(x, subject=0)[0])


@pytest.mark.parametrize("name", ["brain_module", "meg_image"])
def test_learns_which_of_two_sensors_holds_the_rhythm(name: str) -> None:
    torch.manual_seed(0)
    losses = list(takes_steps(build_network(name, **SHARED, **SMALL, n_blocks=2, dropout=0.1), 40, lr=0.01))
    assert losses[-1] < 0.6 * losses[0]
