import copy

import torch
from torch import nn

from decoder.layers.parametrizations import MaxNorm, RepeatedFilters, SmoothedKernel, parametrized


def test_max_norm_scales_down_large_weights_only() -> None:
    layer = parametrized(nn.Linear(2, 2, bias=False), MaxNorm(1.0))
    layer.weight = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    torch.testing.assert_close(layer.weight, torch.tensor([[0.6, 0.8], [0.3, 0.4]]))


def test_max_norm_takes_a_filter_of_zeros() -> None:
    weight = torch.zeros(1, 2, requires_grad=True)
    MaxNorm(1.0)(weight).sum().backward()
    assert weight.grad.isfinite().all()


def test_shared_filters_are_one_parameter() -> None:
    layer = parametrized(nn.Conv1d(6, 6, 4, groups=6, bias=False), RepeatedFilters(3))
    assert [tuple(p.shape) for p in layer.parameters()] == [(2, 1, 4)]
    assert torch.equal(layer.weight[0], layer.weight[2])


def test_smoothed_kernel_is_a_convolution_then_a_mean() -> None:
    layer = parametrized(nn.Conv1d(1, 2, 7, bias=False), SmoothedKernel(3))
    kernel = layer.parametrizations.weight.original
    assert kernel.shape == (2, 1, 5)
    x = torch.randn(1, 1, 30)
    expected = nn.functional.avg_pool1d(nn.functional.conv1d(x, kernel), 3, stride=1)
    torch.testing.assert_close(layer(x), expected)


def test_a_constrained_layer_survives_a_copy_and_its_state_dict() -> None:
    layer = parametrized(nn.Linear(3, 2), MaxNorm(0.1))
    other = copy.deepcopy(layer)
    assert torch.equal(other.weight, layer.weight)
    fresh = parametrized(nn.Linear(3, 2), MaxNorm(0.1))
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh.weight, layer.weight)
