"""Runs an exported encoder on onnxruntime, many streams in one batch.

The file's own names are the protocol: inputs `signal`, `onset`, `state.*`, outputs `embedding`, `next.*`.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

from realtime.errors import BadInput
from realtime.state import State

ort.set_default_logger_severity(3)  # errors only: warnings about graph shapes do not help a user
DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}


def choose_provider(requested: str) -> tuple[str, str]:
    """The onnxruntime provider for `requested` (auto, cpu, cuda) and why it was chosen."""
    if requested == "cpu":
        return "CPUExecutionProvider", "requested"
    has_device = _may_have_device() and "CUDAExecutionProvider" in ort.get_available_providers()
    if requested == "cuda" and not has_device:
        raise BadInput("provider: 'cuda' was requested but no CUDA device or build of onnxruntime is here; use 'cpu'")
    if requested == "cuda":
        return "CUDAExecutionProvider", "requested"
    # Measured on CPU: a hop of the demo encoder takes well under a millisecond, less than a copy to a device and back.
    return "CPUExecutionProvider", "one hop on the CPU takes less time than copying it to a GPU"


def _may_have_device() -> bool:
    """Whether an NVIDIA device may be present; on systems other than Linux onnxruntime has to try it."""
    return sys.platform != "linux" or Path("/dev/nvidia0").exists()


class OnnxEncoder:
    """An exported encoder; nothing of a stream is stored here."""

    def __init__(self, path: Path, provider: str = "auto"):
        chosen, self.why = choose_provider(provider)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self.session = ort.InferenceSession(str(path), options, providers=[chosen])
        except Exception as error:  # onnxruntime's own kinds share no base class
            raise BadInput(f"{path}: onnxruntime cannot load it ({error}); export the encoder again") from None
        self.provider = self.session.get_providers()[0]
        if self.provider != chosen:
            raise BadInput(f"{path}: onnxruntime could not start {chosen} and offers {self.provider}; use 'cpu'")
        inputs = {node.name: node for node in self.session.get_inputs()}
        self.outputs = [node.name for node in self.session.get_outputs()]
        self.states = tuple(name.removeprefix("state.") for name in inputs if name.startswith("state."))
        for name in ("signal", "onset"):
            if name not in inputs:
                raise BadInput(f"{path}: input '{name}' is missing, found {sorted(inputs)}; export the encoder again")
        if "embedding" not in self.outputs:
            raise BadInput(
                f"{path}: output 'embedding' is missing, found {sorted(self.outputs)}; export the encoder again"
            )
        next_states = {name.removeprefix("next.") for name in self.outputs if name.startswith("next.")}
        if unpaired := next_states.symmetric_difference(self.states):
            names = ", ".join(f"next.{key}" if key in self.states else f"state.{key}" for key in sorted(unpaired))
            raise BadInput(f"{path}: {names} is missing, states must go in and out; export the encoder again")
        self.dim = {node.name: node for node in self.session.get_outputs()}["embedding"].shape[-1]
        _, self.n_channels, self.hop_samples = inputs["signal"].shape
        self._shapes = {
            name: (tuple(inputs[f"state.{name}"].shape[1:]), inputs[f"state.{name}"].type) for name in self.states
        }

    def start(self, batch: int = 1) -> State:
        """State of silence for `batch` streams."""
        return {name: np.zeros((batch, *shape), DTYPES[kind]) for name, (shape, kind) in self._shapes.items()}

    def step(self, signal: np.ndarray, onset: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Embeddings (batch, dim) of one hop each.

        `signal` is float32 (batch, n_channels, hop_samples), `onset` (batch,) seconds.
        """
        feed = {"signal": signal, "onset": onset.astype(np.float32)[:, None]}
        feed |= {f"state.{name}": state[name] for name in self.states}
        outputs = dict(zip(self.outputs, self.session.run(None, feed), strict=True))
        return outputs["embedding"][:, 0], {name: outputs[f"next.{name}"] for name in self.states}
