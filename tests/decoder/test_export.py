import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from decoder.export import export_onnx, open_onnx, run_onnx
from decoder.networks.gat_transformer import GatTransformer, GatTransformerConfig

CONFIG = GatTransformerConfig(
    n_channels=3, sfreq=40.0, hop_samples=4, embedding_dim=5, dim=8, stem_features=4, n_layers=1, n_subjects=2
)


def network(kind: type[GatTransformer] = GatTransformer) -> GatTransformer:
    torch.manual_seed(0)
    module = kind(CONFIG)
    with torch.no_grad():
        module.subjects[1] *= 3
    return module


def test_file_is_whole_names_the_protocol_and_carries_its_metadata(tmp_path: Path) -> None:
    """One file beside nothing else; it answers for the subject asked for."""
    module = network()
    export_onnx(
        module, tmp_path / "encoder.onnx", {"sfreq": 40.0, "ch_names": ["C3", "Cz", "C4"], "note": "hi"}, subject=1
    )
    assert [path.name for path in tmp_path.iterdir()] == ["encoder.onnx"]
    assert module.training
    assert b".py" not in (tmp_path / "encoder.onnx").read_bytes()  # no stack traces of the exporting machine

    session = open_onnx(tmp_path / "encoder.onnx")
    state = module.init_state(1)
    inputs = {port.name: port.shape for port in session.get_inputs()}
    assert inputs.pop("signal") == ["batch", 3, 4]
    assert inputs.pop("onset") == ["batch", 1]
    assert inputs == {f"state.{key}": ["batch", *value.shape[1:]] for key, value in state.items()}
    assert [port.name for port in session.get_outputs()] == ["embedding", *(f"next.{key}" for key in state)]
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["sfreq"]) == 40.0
    assert json.loads(metadata["ch_names"]) == ["C3", "Cz", "C4"]
    assert metadata["note"] == "hi"

    x = torch.randn(1, 3, 40)
    hops = [{"signal": hop.numpy(), "onset": np.full((1, 1), -1, np.float32)} for hop in x.split(4, -1)]
    actual = np.concatenate(run_onnx(session, hops, state)[0], axis=1)
    expected = module.eval()(x, subject=1)[0]
    np.testing.assert_allclose(actual, expected.detach().numpy(), atol=1e-4)
    assert not np.allclose(actual, module(x)[0].detach().numpy(), atol=1e-2)


class Unfaithful(GatTransformer):
    """Answers otherwise when it gets more than one hop, so that its one-hop file cannot match."""

    def forward(
        self, x_BCT: Tensor, state: dict | None = None, onset_BH: Tensor | None = None, subject: int = 0
    ) -> tuple[Tensor, dict[str, Tensor]]:
        y, new = super().forward(x_BCT, state, onset_BH, subject)
        return y * (1.001 if x_BCT.shape[-1] > self.hop else 1.0), new


class Unordered(GatTransformer):
    """Swaps two state tensors of equal shape."""

    def forward(
        self, x_BCT: Tensor, state: dict | None = None, onset_BH: Tensor | None = None, subject: int = 0
    ) -> tuple[Tensor, dict[str, Tensor]]:
        y, new = super().forward(x_BCT, state, onset_BH, subject)
        if x_BCT.shape[-1] == self.hop:
            new["blocks.0.attention.k"], new["blocks.0.attention.v"] = (
                new["blocks.0.attention.v"],
                new["blocks.0.attention.k"],
            )
        return y, new


@pytest.mark.parametrize("kind", [Unfaithful, Unordered])
def test_a_file_that_differs_from_torch_is_not_written(kind: type[GatTransformer], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="embedding of the ONNX file differs from torch"):
        export_onnx(network(kind), tmp_path / "encoder.onnx", {})
    assert not list(tmp_path.iterdir())
