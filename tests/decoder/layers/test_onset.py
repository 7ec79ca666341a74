import math

import torch

from decoder.layers.onset import OnsetSum, onset_basis


def by_hand(x: torch.Tensor, onset: list[float], leak: float) -> list[float]:
    total, count, last, out = 0.0, 0.0, 0.0, []
    for value, since in zip(x.flatten().tolist(), onset, strict=True):
        known, was_known = since >= 0, last >= 0
        keep = 0.0 if known != was_known or (known and since < last) else 1.0 if known else leak
        total, count, last = keep * total + value, keep * count + 1, since
        out.append(total / math.sqrt(1 + count))
    return out


def test_equals_the_recurrence_written_as_a_loop() -> None:
    """New trials restart the sum, so does an onset that turns known or unknown; without onset the sum leaks."""
    onset = [-1.0, -1, -1, 0.1, 0.2, 0.3, 0.1, 0.2, -1, -1, 0.05, 0.15, 0.25]
    x = torch.randn(1, len(onset), 1)
    y, _ = OnsetSum(1, leak=0.8)(x, None, torch.tensor([onset]))
    torch.testing.assert_close(y.flatten(), torch.tensor(by_hand(x, onset, 0.8)))


def test_a_new_onset_removes_the_sum_of_the_last_trial() -> None:
    x = torch.randn(1, 4, 2)
    onset = torch.tensor([[0.5, 0.6, 0.1, 0.2]])
    y, _ = OnsetSum(2, leak=0.9)(x, None, onset)
    alone, _ = OnsetSum(2, leak=0.9)(x[:, 2:], None, onset[:, 2:])
    torch.testing.assert_close(y[:, 2:], alone)


def test_the_sum_stays_bounded_without_onset() -> None:
    layer, state = OnsetSum(1, leak=0.9), None
    for _ in range(20):
        y, state = layer(torch.ones(1, 500, 1), state)
    torch.testing.assert_close(state["count"], torch.tensor([10.0]), atol=1e-3, rtol=0)
    assert y.isfinite().all()


def test_basis_distinguishes_times_and_is_zero_without_an_onset() -> None:
    basis = onset_basis(torch.tensor([[-1.0, 0.0, 0.06, 2.0, 7.0]]), 32)[0]
    assert not basis[0].any()
    assert (basis[1] - basis[2]).abs().max() > 1
    assert torch.equal(basis[3], basis[4])
