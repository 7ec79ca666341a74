import pytest
import torch

from decoder.layers.skip import KINDS, Skip
from decoder.layers.transformer import TransformerBlock

X, F_X = torch.randn(2, 5, 4), torch.randn(2, 5, 4)


def test_identity_adds_and_none_drops_the_input() -> None:
    assert torch.equal(Skip("identity", 4, 4)(X, F_X), X + F_X)
    assert torch.equal(Skip("none", 4, 4)(X, F_X), F_X)


def test_layerscale_starts_at_a_tenth() -> None:
    torch.testing.assert_close(Skip("layerscale", 4, 4)(X, F_X), X + 0.1 * F_X)


def test_projection_changes_the_width() -> None:
    skip = Skip("projection", 4, 6)
    f_x = torch.randn(2, 5, 6)
    torch.testing.assert_close(skip(X, f_x), X @ skip.project.weight.T + f_x)


def test_gated_lies_between_input_and_output_and_starts_nearer_the_input() -> None:
    skip = Skip("gated", 4, 4)
    with torch.no_grad():
        skip.gate.weight.zero_()
    y = skip(torch.zeros(1, 4), torch.ones(1, 4))
    torch.testing.assert_close(y, torch.full((1, 4), 1 / (1 + torch.e)))


def test_dense_concatenates_both_and_has_their_width() -> None:
    skip = Skip("dense", 4, 3)
    assert skip.width == 7
    assert torch.equal(skip(X, F_X[..., :3]), torch.cat([X, F_X[..., :3]], dim=-1))


def test_dropout_spares_the_input() -> None:
    skip = Skip("identity", 4, 4, dropout=1.0).train()
    assert torch.equal(skip(X, F_X), X)


@pytest.mark.parametrize("kind", ["identity", "gated", "layerscale"])
def test_kinds_that_add_need_equal_widths(kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind} from 4 to 6 features, needs equal widths; use projection"):
        Skip(kind, 4, 6)


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 'unet', needs one of identity"):
        Skip("unet", 4, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_takes_every_kind_and_trains_all_of_it(kind: str) -> None:
    block = TransformerBlock(4, 2, 6, skip=kind)
    y, _ = block(X)
    assert y.shape == X.shape
    y.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in block.parameters())


def test_names_in_a_checkpoint_of_the_default_block_stay() -> None:
    """Checkpoints made before there were kinds hold exactly these."""
    assert {name for name in TransformerBlock(4, 2, 6).state_dict() if "scale" in name} == {
        "scale_attention.gain",
        "scale_mlp.gain",
    }
    assert not [name for name in TransformerBlock(4, 2, 6).state_dict() if "narrow" in name]
