import pytest
import torch

from decoder.networks import build
from tests.helpers.encoders import rhythm_trials
from training.adapt import adapt
from training.objective import Objective
from training.recipe import Recipe

SHARED = {"n_channels": 6, "sfreq": 125.0, "hop_samples": 5, "embedding_dim": 8}
ONSET = torch.arange(1, 26) * 0.04


@pytest.mark.parametrize("name", ["lf_cnn", "var_cnn", "eegnet"])
@pytest.mark.parametrize("label", [0, 1])
def test_one_step_moves_the_answer_towards_the_label(name: str, label: int) -> None:
    torch.manual_seed(0)
    made, objective = build(name, **SHARED), Objective(2, 8, None, Recipe())
    signal = rhythm_trials(2, 6, 125.0, 125)[0][0]

    def certainty() -> float:
        with torch.inference_mode():
            embedding = made.eval()(signal[None], None, ONSET[None])[0][0, -1]
            return float((embedding @ objective.vectors().T).softmax(0)[label])

    before = certainty()
    first = adapt(made, objective, signal, ONSET, label, lr=0.01)
    assert certainty() > before
    assert adapt(made, objective, signal, ONSET, label, lr=0.01) < first


def test_statistics_and_mode_stay_and_frozen_weights_do_not_move() -> None:
    made, objective = build("eegnet", **SHARED), Objective(2, 8, None, Recipe())
    made.spatial.requires_grad_(False)
    before = {key: value.clone() for key, value in made.state_dict().items()}
    adapt(made, objective, torch.randn(6, 125), ONSET, 1, lr=0.1)
    assert made.training
    moved = {key for key, value in made.state_dict().items() if not torch.equal(value, before[key])}
    assert "readout.now.weight" in moved
    assert not any("running" in key or "num_batches" in key or key.startswith("spatial") for key in moved)


def test_a_trial_without_a_hop_after_its_onset_is_refused() -> None:
    made, objective = build("lf_cnn", **SHARED), Objective(2, 8, None, Recipe())
    with pytest.raises(ValueError, match="adapt: none of 2 hops lies after the onset, needs 1 or more"):
        adapt(made, objective, torch.randn(6, 10), torch.tensor([-0.08, -0.04]), 0, lr=0.1)
