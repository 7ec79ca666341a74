from pathlib import Path

import pytest
import torch

from decoder.export import export_onnx
from decoder.networks import NETWORKS, build_network
from tests.helpers.encoders import n_weights, rhythm_trials

SHARED = {"n_channels": 17, "sfreq": 250.0, "hop_samples": 5, "embedding_dim": 16}


def test_has_the_weights_of_the_paper_before_its_projection() -> None:
    """17 sensors by 250 samples: about 5.4 million."""
    network = build_network("flat_mlp", **SHARED)
    assert n_weights(network) - n_weights(network.project) == 4251 * 1024 + 1025 * 1024 + 2 * 1024
    assert network(torch.randn(3, 17, 250)).shape == (3, 16)


def test_a_window_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"window of 249 samples, needs 250 \(1 s at 250 Hz\)"):
        build_network("flat_mlp", **SHARED, width=8)(torch.randn(1, 17, 249))
    assert build_network("flat_mlp", **SHARED, width=8, window_s=0.5)(torch.randn(1, 17, 125)).shape == (1, 16)
    with pytest.raises(ValueError, match="window_s 0.001 holds no sample at 250 Hz"):
        build_network("flat_mlp", **SHARED, window_s=0.001)


def test_is_marked_as_not_streaming_and_is_never_exported(tmp_path: Path) -> None:
    assert not NETWORKS["flat_mlp"].streaming
    with pytest.raises(ValueError, match="FlatMlp: its window is fixed.* teacher and baseline"):
        export_onnx(build_network("flat_mlp", **SHARED, width=8), tmp_path / "encoder.onnx", {})
    assert not list(tmp_path.iterdir())


def test_learns_which_of_two_sensors_holds_the_rhythm() -> None:
    torch.manual_seed(0)
    network = build_network("flat_mlp", **(SHARED | {"n_channels": 4}), width=32, dropout=0.1)
    optimiser, losses = torch.optim.Adam(network.parameters(), 3e-3), []
    for step in range(30):
        x, label = rhythm_trials(32, 4, 250.0, 250, seed=step)
        loss = torch.nn.functional.cross_entropy(network(x)[:, :2], label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
