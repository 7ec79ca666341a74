import torch

from decoder.layers.transformer import TransformerBlock


def test_block_starts_near_the_identity() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 30, 16)
    y, _ = TransformerBlock(16, 4, 8).eval()(x)
    assert 0 < (y - x).square().mean() < 0.05 * x.square().mean()
