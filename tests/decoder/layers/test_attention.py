import pytest
import torch

from decoder.layers.attention import WindowedAttention


def test_equals_attention_written_as_a_loop() -> None:
    """Each step attends to itself and the `window` - 1 before, less the further away."""
    torch.manual_seed(0)
    dim, heads, window, n_steps = 6, 2, 4, 9
    layer = WindowedAttention(dim, heads, window).eval()
    x = torch.randn(1, n_steps, dim)
    q, k, v = layer.qkv(x)[0].view(n_steps, 3, heads, dim // heads).unbind(1)
    expected = torch.zeros(n_steps, heads, dim // heads)
    for step in range(n_steps):
        past = range(max(0, step - window + 1), step + 1)
        for head in range(heads):
            slope = 2.0 ** (-8 * (head + 1) / heads)
            scores = [q[step, head] @ k[j, head] / (dim // heads) ** 0.5 - slope * (step - j) for j in past]
            weights = torch.stack(scores).softmax(0)
            expected[step, head] = sum(w * v[j, head] for w, j in zip(weights, past, strict=True))
    torch.testing.assert_close(layer(x)[0][0], layer.out(expected.flatten(1)), atol=1e-5, rtol=1e-5)


def test_the_state_does_not_grow_with_the_stream() -> None:
    layer = WindowedAttention(4, 2, 3).eval()
    state = layer.init_state(1)
    with torch.inference_mode():
        for _ in range(50):
            y, state = layer(torch.randn(1, 100, 4), state)
    assert state["k"].shape == (1, 2, 2, 2)
    assert state["seen"].item() == 2
    assert y.isfinite().all()


@pytest.mark.parametrize(("heads", "window", "match"), [(3, 4, "multiple of n_heads 3"), (2, 1, "needs 2 or more")])
def test_impossible_sizes_are_refused(heads: int, window: int, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        WindowedAttention(4, heads, window)
