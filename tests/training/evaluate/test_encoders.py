"""Encoders give the same embeddings in chunks and hop by hop, and refuse hops of several tracks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from realtime.decoding.hop import Hop, TrialClock
from training.evaluate import encoders
from training.evaluate.encoders import onset_input, torch_encoder


class RunningSum(torch.nn.Module):
    """The sum of all samples so far in two channels, and the onset input, as an embedding (B, H, 3)."""

    def forward(self, x_BCT, state, onset_BH):
        batch, n_channels, n_times = x_BCT.shape
        past = torch.zeros(batch, n_channels) if state is None else state["sum"]
        hops = x_BCT.reshape(batch, n_channels, onset_BH.shape[1], -1).sum(dim=-1).cumsum(dim=-1) + past[..., None]
        return torch.cat([hops.mT, onset_BH[..., None]], dim=-1), {"sum": hops[..., -1]}


def hops(n: int) -> list[Hop]:
    signal = np.random.default_rng(0).standard_normal((n, 2, 4)).astype(np.float32)
    clock = TrialClock(trial=0, since_onset_s=0.5)
    return [Hop(signal[i], i, 4 * i + 3, (clock,), np.zeros(2, np.int8), False) for i in range(n)]


def test_chunks_and_single_hops_give_the_same_embeddings(monkeypatch):
    monkeypatch.setattr(encoders, "CHUNK_HOPS", 7)
    whole, streamed = (torch_encoder(RunningSum(), streaming)(hops(20)) for streaming in (False, True))
    assert whole.shape == (20, 3)
    np.testing.assert_allclose(whole, streamed, atol=1e-5)
    np.testing.assert_allclose(whole[-1, :2], np.sum([hop.signal.sum(axis=1) for hop in hops(20)], axis=0), atol=1e-5)
    assert (whole[:, 2] == 0.5).all()


def test_the_onset_input_is_negative_outside_trials():
    outside = replace(hops(1)[0], clocks=(TrialClock(),))
    assert onset_input([*hops(1), outside]) == [0.5, -1.0]


def test_hops_of_several_tracks_are_refused():
    """Evaluation decodes one track at a time; with two clocks the second would be lost without a message."""
    both = replace(hops(1)[0], clocks=(TrialClock(), TrialClock()))
    with pytest.raises(ValueError, match="has 2 tracks, where one is expected"):
        onset_input([both])
