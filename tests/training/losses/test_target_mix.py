"""A learned mix of target layers: by hand, and from a dataset file to the bank of a bundle."""

import json

import numpy as np
import pytest
import torch

from glimpse import cli
from realtime.bundle.bundle import Bundle
from tests.helpers.rhythm_dataset import write_experiment
from training.losses.target_mix import TargetMix
from training.runs.run import Run


def test_the_mix_is_the_softmax_weighted_sum_of_projections():
    layers = TargetMix(torch.tensor([[1.0, 2.0, 3.0]]), (1, 2), 2)
    with torch.no_grad():
        layers.projections[0].weight.copy_(torch.tensor([[1.0], [0.0]]))
        layers.projections[1].weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        layers.mix.copy_(torch.tensor([0.0, np.log(3.0)]))
    torch.testing.assert_close(layers(), torch.tensor([[0.25, 3.75]]))  # 1/4 of 1, 3/4 of 2 + 3
    assert "table" not in layers.state_dict()


def test_widths_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match=r"widths \(1, 3\) of a table 3 wide"):
        TargetMix(torch.ones(2, 3), (1, 3), 2)


def test_the_bank_of_a_run_on_target_layers_holds_the_mix_of_every_row(tmp_path):
    rng = np.random.default_rng(0)
    for name, width in (("early", 6), ("late", 9)):
        np.save(tmp_path / f"{name}.npy", rng.standard_normal((3, width)))
    (tmp_path / "n.json").write_text(json.dumps(["slow", "fast", "never shown"]))
    targets = {"images": ["early.npy", "late.npy"], "stimuli": "n.json"}
    data, out = write_experiment(tmp_path, targets=targets), tmp_path / "run"
    argv = ["train", "--data", str(data), "--out", str(out), "--network", "shallow", "--epochs", "4"]
    assert cli.main([*argv, "--set", "embedding_dim=5"]) == 0
    run = Run.load(out)
    network, bank = run.load_trained()
    assert (bank.names, bank.vectors.shape) == (("slow", "fast", "never shown"), (3, 5))
    saved = run.checkpoint()["objective"]
    table = np.concatenate([np.load(tmp_path / f"{name}.npy") for name in ("early", "late")], axis=1)
    for columns in (slice(0, 6), slice(6, 15)):
        table[:, columns] /= np.linalg.norm(table[:, columns], axis=1, keepdims=True) * 2**0.5
    layers = TargetMix(torch.from_numpy(table).float(), (6, 9), 5)
    layers.load_state_dict({key.removeprefix("layers."): value for key, value in saved.items() if "layers." in key})
    want = torch.nn.functional.normalize(layers(), dim=-1).detach().numpy()
    np.testing.assert_allclose(bank.vectors, want, atol=1e-5)
    assert cli.main(["export", str(out), "--out", str(tmp_path / "bundle")]) == 0
    assert Bundle.load(tmp_path / "bundle").manifest.targets == "labels"  # a space of its own, not CLIP's
