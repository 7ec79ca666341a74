import pytest
import torch

from decoder.layers.stems import SensorStem, SourceConv


def test_sensors_are_filtered_separately_with_the_same_weights() -> None:
    torch.manual_seed(0)
    stem, x = SensorStem(3, 4, 10, 5), torch.randn(1, 3, 20)
    y, _ = stem(x)
    shuffled, _ = stem(x[:, [2, 0, 1]])
    torch.testing.assert_close(shuffled, y[:, :, [2, 0, 1]])
    x[:, 1] += 1.0
    changed = (stem(x)[0] != y).any(dim=-1).any(dim=1)
    assert changed.tolist() == [[False, True, False]]


def test_a_kernel_that_would_skip_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel of 4 samples skips some, needs the hop 5 or more"):
        SensorStem(3, 4, 4, 5)


def test_features_of_a_source_come_from_its_own_spatial_filter() -> None:
    torch.manual_seed(0)
    stem, x = SourceConv(3, 2, 4, 5, 5).eval(), torch.randn(1, 3, 20)
    before = stem(x)[0].unflatten(-1, (2, 4))
    with torch.no_grad():
        stem.spatial.weight[1] += 1.0
    changed = (stem(x)[0].unflatten(-1, (2, 4)) != before).flatten(0, 1).any(dim=-1).any(dim=0)
    assert changed.tolist() == [False, True]
