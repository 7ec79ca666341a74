import pytest
import torch

from decoder.layers.conv import CausalConv, CausalMax, CausalMean, SensorConv


def test_strided_output_ends_at_the_last_sample_of_its_stride() -> None:
    conv = CausalConv(1, 1, kernel=4, stride=2, bias=False)
    with torch.no_grad():
        conv.conv.weight.copy_(torch.tensor([[[0.0, 0.0, 0.0, 1.0]]]))
    y, _ = conv(torch.arange(6.0).reshape(1, 1, 6))
    assert y.flatten().tolist() == [1, 3, 5]


def test_mean_is_over_the_steps_since_the_start() -> None:
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


def test_maximum_is_over_the_newest_steps_and_the_silence_before_them() -> None:
    y, state = CausalMax(1, 3)(torch.tensor([[[-3.0, 5.0, 4.0, -9.0, 1.0, 0.0]]]))
    assert y.flatten().tolist() == [0, 5, 5, 5, 4, 1]
    assert state["past"].flatten().tolist() == [1, 0]


def test_sensor_convolution_is_filters_in_time_then_in_space() -> None:
    torch.manual_seed(0)
    conv, x = SensorConv(3, 4, 5, 6), torch.randn(2, 3, 20)
    padded = torch.nn.functional.pad(x, (5, 0)).flatten(0, 1)[:, None]
    in_time = torch.nn.functional.conv1d(padded, conv.temporal.weight[:, None])  # [B * C, 4, T]
    expected = torch.einsum("bcft,ofc->bot", in_time.unflatten(0, (2, 3)), conv.spatial.weight.unflatten(1, (4, 3)))
    torch.testing.assert_close(conv(x)[0], expected)


@pytest.mark.parametrize(
    ("make", "found"), [(lambda: CausalMax(1, 1), "1 steps"), (lambda: SensorConv(1, 1, 1, 1), "1 samples")]
)
def test_maximum_or_kernel_of_one_is_refused(make, found) -> None:
    with pytest.raises(ValueError, match=f"of {found}, needs 2 or more"):
        make()
