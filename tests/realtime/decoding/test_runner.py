"""The exported encoder stores nothing of a stream: states go in and come out, many streams in one batch."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from realtime.decoding.runner import OnnxEncoder, choose_provider
from realtime.errors import BadInput
from tests.helpers.bundles import CH_NAMES, DIM, HOP_SAMPLES, tiny_bundle


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    return OnnxEncoder(tiny_bundle(tmp_path_factory.mktemp("runner") / "tiny").encoder_path)


def test_the_encoder_has_the_shapes_of_its_file(runner):
    assert (runner.n_channels, runner.hop_samples, runner.dim) == (len(CH_NAMES), HOP_SAMPLES, DIM)
    assert runner.states == ("sum",)
    assert runner.provider == "CPUExecutionProvider"
    assert runner.why


def test_a_batch_answers_as_its_streams_alone(runner):
    rng = np.random.default_rng(0)
    together, alone = runner.start(3), [runner.start() for _ in range(3)]
    for _ in range(20):
        signal = rng.normal(size=(3, runner.n_channels, runner.hop_samples)).astype(np.float32)
        onset = rng.uniform(-1, 2, 3)
        y, together = runner.step(signal, onset, together)
        assert y.shape == (3, DIM)
        for i in range(3):
            z, alone[i] = runner.step(signal[i : i + 1], onset[i : i + 1], alone[i])
            np.testing.assert_allclose(z[0], y[i], atol=1e-5)


def test_the_start_state_is_zero_and_not_changed_in_place(runner):
    state = runner.start()
    runner.step(np.ones((1, runner.n_channels, runner.hop_samples), np.float32), np.ones(1), state)
    assert not any(value.any() for value in state.values())


def test_a_missing_device_is_an_error():
    assert choose_provider("cpu") == ("CPUExecutionProvider", "requested")
    is_here = Path("/dev/nvidia0").exists() and "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    with nullcontext() if is_here else pytest.raises(BadInput, match="no CUDA device"):
        assert choose_provider("cuda") == ("CUDAExecutionProvider", "requested")
