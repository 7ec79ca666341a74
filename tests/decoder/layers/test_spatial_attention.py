import math

import pytest
import torch

from decoder.layers.spatial_attention import SpatialAttention, fourier, unit_square

HEAD = ((-0.08, 0.0, 0.03), (0.08, 0.0, 0.03), (0.0, 0.09, 0.0), (0.0, -0.09, 0.0), (0.0, 0.0, 0.1), None)


def test_map_fills_the_unit_square_with_the_top_of_the_head_in_the_middle() -> None:
    places = unit_square(HEAD)
    torch.testing.assert_close(places[4], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(places[:4, 0], torch.tensor([0.0, 1.0, 0.5, 0.5]))
    torch.testing.assert_close(places[:4, 1], torch.tensor([0.5, 0.5, 1.0, 0.0]))
    assert places[5].isnan().all()


def test_a_sensor_below_another_lies_further_out() -> None:
    """Straight down, both would be at one place."""
    places = unit_square(((0.0, 0.08, 0.05), (0.0, 0.08, -0.05), (0.0, -0.1, 0.0)))
    assert places[1, 1] > places[0, 1] + 0.1


@pytest.mark.parametrize("found", [0, 1])
def test_fewer_than_two_positions_are_refused(found: int) -> None:
    with pytest.raises(ValueError, match=f"{found} of 4 channels have a position, needs 2 or more"):
        unit_square((*HEAD[:found], *[None] * (3 - found), (0.0, math.nan, 0.0)))


def test_embedding_is_the_waves_of_the_paper() -> None:
    """2 * 32^2 values; cosine of (k, l) at place k * 32 + l, sines after all cosines; margin 0.2."""
    place = torch.tensor([[0.3, 0.7]])
    e = fourier(place, 32)
    assert e.shape == (1, 2048)
    phase = 2 * math.pi * (3 * (0.3 + 0.2) + 5 * (0.7 + 0.2)) / 1.4
    torch.testing.assert_close(e[0, 3 * 32 + 5].item(), math.cos(phase), rtol=0, atol=1e-4)
    torch.testing.assert_close(e[0, 1024 + 3 * 32 + 5].item(), math.sin(phase), rtol=0, atol=1e-4)


def test_a_sensor_without_a_position_has_weight_zero() -> None:
    layer = SpatialAttention(HEAD, 7, 4).eval()
    x = torch.randn(2, 6, 5)
    y = layer(x)
    x[:, 5] += 100
    assert torch.equal(layer(x), y)
    assert y.shape == (2, 7, 5)


def test_in_training_sensors_near_a_place_are_left_out_together_and_never_all() -> None:
    torch.manual_seed(0)
    layer = SpatialAttention(HEAD, 7, 4, dropout_radius=0.45)
    left_out = {tuple(layer.sensor_dropout().nonzero().flatten().tolist()) for _ in range(5000)}
    assert {(), (4,)} < left_out
    assert not any({0, 1} <= set(some) for some in left_out)  # a whole side apart
    x, everywhere = torch.randn(1, 6, 5), SpatialAttention(HEAD, 7, 4, dropout_radius=2.0)
    assert torch.equal(everywhere(x), everywhere.eval()(x))


def test_the_output_is_deterministic_outside_training() -> None:
    torch.manual_seed(0)
    layer = SpatialAttention(HEAD, 7, 4, dropout_radius=0.45)
    x = torch.randn(1, 6, 5)
    assert len({layer(x).sum().item() for _ in range(50)}) > 1
    layer.eval()
    assert len({layer(x).sum().item() for _ in range(50)}) == 1
