import pytest
import torch

from decoder.conv import CausalConv, CausalMean


def test_strided_output_ends_at_the_last_sample_of_its_stride() -> None:
    conv = CausalConv(1, 1, kernel=4, stride=2, bias=False)
    with torch.no_grad():
        conv.conv.weight.copy_(torch.tensor([[[0.0, 0.0, 0.0, 1.0]]]))
    y, _ = conv(torch.arange(6.0).reshape(1, 1, 6))
    assert y.flatten().tolist() == [1, 3, 5]


def test_mean_counts_only_what_was_seen() -> None:
    y, state = CausalMean(1, 3)(torch.tensor([[[3.0, 5.0, 4.0, 9.0]]]))
    assert y.flatten().tolist() == pytest.approx([3, 4, 4, 6])
    assert state["seen"].item() == 2


def test_chunk_that_is_no_multiple_of_the_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="CausalConv: chunk of 5 samples, needs a multiple of 2"):
        CausalConv(1, 1, kernel=2, stride=2)(torch.zeros(1, 1, 5))


def test_stride_that_skips_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="stride 4 skips samples"):
        CausalConv(1, 1, kernel=3, stride=4)


def test_mean_over_a_single_step_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 or more"):
        CausalMean(1, 1)
