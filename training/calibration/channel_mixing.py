"""A channel-mixing matrix before a frozen network, fitted to the trials of one person.

Shape suffixes: B crops, C channels, T samples, H hops, L labels.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from decoder.networks import build_network
from decoder.networks.personal import PersonalNetwork
from decoder.streaming import Streaming
from realtime.recordings.recording import Recording
from training.data.crops import Crops, crops_of
from training.data.segments import preprocess_recording
from training.losses import functions as losses
from training.losses.objective import hop_weights
from training.runs.run import Run

# Of a normal prior on how far each number of the matrix is from its start. Like the other numbers here, the best of a
# few on the simulated amplifier with another cap (sd 0.1: 0.73 of trials, 0.3: 0.81) and on fists against feet.
PRIOR_SD = 0.3
STEPS, BATCH = 60, 8
# Each step of Adam moves every number alike, so with more channels a sum of them would move more. At 0.03 for 64
# channels the mixing took the demo's held-out trials from 0.35 to 0.17.
MAX_LR, LR_BY_CHANNELS = 0.03, 0.5
LEAD_S = 1.0  # signal before the onset in each crop


def add_mixing(run: Run) -> PersonalNetwork:
    """The run's network behind an identity matrix; one that has a mixing already keeps it."""
    network, _ = run.load_trained()
    if isinstance(network, PersonalNetwork):
        return network
    personal = build_network("calibrated", **mixing_config(run))
    assert isinstance(personal, PersonalNetwork)
    personal.network.load_state_dict(network.state_dict())
    return personal.eval()


def mixing_config(run: Run) -> dict[str, Any]:
    """The config of the personal network around the run's."""
    network = run.description.network
    keys = ("n_channels", "sfreq", "hop_samples", "embedding_dim", "positions")
    return {key: network["config"][key] for key in keys if key in network["config"]} | {"network": network}


def fit_mixing(run: Run, recordings: Sequence[Recording], folder: Path) -> Run:
    """A run in `folder` whose network is preceded by a channel-mixing matrix fitted to this person's trials.

    The loss is the log loss of the decisions, with the run's own confidence, at every hop, with larger weights for
    later hops; the prior enters once, so that many trials overrule it. Steps, seed and order are fixed: the same trials
    give the same mixing.
    """
    personal = add_mixing(run)
    personal.requires_grad_(False)
    personal.mixing.requires_grad_(True)
    start = personal.mixing.matrix.detach().clone()
    _, bank = run.load_trained()
    frontend, window_s = run.make_frontend(), (run.description.window_s[0], run.description.window_s[1])
    segments = [
        segment for recording in recordings for segment in preprocess_recording(recording, frontend, bank.names)
    ]
    crops = crops_of(segments, frontend, window_s, LEAD_S)
    vectors, labels = torch.from_numpy(bank.vectors), torch.from_numpy(crops.labels)
    rng = np.random.default_rng(0)
    lr = min(MAX_LR, LR_BY_CHANNELS / len(run.description.ch_names))
    optimiser = torch.optim.Adam([personal.mixing.matrix], lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=STEPS)
    for batch in batches(len(labels), rng):
        signal, onset, mask = make_batch(crops, batch, rng)
        scale = torch.from_numpy(run.calibration.scale(onset.numpy(), window_s[1])).float()
        embedding, _ = personal(signal, None, onset)
        loss = losses.cross_entropy(embedding * scale[..., None], vectors, labels[batch], 0.0)
        mean = losses.weighted_mean(loss, hop_weights(onset, mask, window_s[1]))
        prior = (personal.mixing.matrix - start).square().sum() / (2 * PRIOR_SD**2 * len(labels))
        torch.autograd.backward(mean + prior)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
    return save_personal_run(run, personal, folder)


def batches(n_crops: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Crops of each step; every crop is used before any is used again."""
    size = min(BATCH, n_crops)
    order = np.concatenate([rng.permutation(n_crops) for _ in range(-(-STEPS * size // n_crops))])
    return [order[i * size : (i + 1) * size] for i in range(STEPS)]


def make_batch(crops: Crops, batch: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Signal [B, C, T], seconds since onset [B, H] and the mask [B, H]; the hop grid falls anywhere, as live."""
    columns = zip(*(crops.cut(int(i), int(rng.integers(crops.hop_samples))) for i in batch), strict=True)
    signal, onset, mask = (torch.from_numpy(np.stack(column)) for column in columns)
    return signal, onset, mask.float()


def save_personal_run(run: Run, network: Streaming, folder: Path) -> Run:
    """A run like `run` with this network, in `folder`."""
    network_spec = run.description.network
    spec = (
        network_spec if network_spec["name"] == "calibrated" else {"name": "calibrated", "config": mixing_config(run)}
    )
    personal = Run(folder, replace(run.description, network=spec, calibration=asdict(run.calibration)))
    personal.save()
    objective = {"prototypes": (run.checkpoint() or {})["objective"]["prototypes"]}
    personal.save_checkpoint({"network": network.state_dict(), "objective": objective})
    return personal
