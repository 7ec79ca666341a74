"""Pairs are made of what was shown, never of the order of trials."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from realtime.errors import BadInput
from training.data.crops import Crops
from training.data.loader import make_loader
from training.data.pairs import PairedCrops, concept_of, pair_trials, stimulus_of
from training.data.segments import Segment
from training.runs.recipe import Recipe

EEG = ("cat_01b", "cat_02s", "ice_cream_03b", "dog_07n")
MEG = ("images/dog/dog_07n.jpg", "Cat_02s", "cat_05b", "boat_01b", "cat_02s")
HOP = 4


def crops(names: tuple[str, ...], n_channels: int, step: int = 100) -> Crops:
    """One trial of each name; every sample of a channel tells which trial of which set it belongs to."""
    n_times = step * (len(names) + 1)
    onsets = step * np.arange(1, len(names) + 1)
    tag = np.repeat(np.arange(-1, len(names)), step)
    signal = (tag + 100 * np.arange(1, n_channels + 1)[:, None]).astype(np.float32)
    segment = Segment(signal, np.arange(n_times), onsets, np.arange(len(names)), 100.0)
    where = np.array([(0, trial) for trial in range(len(names))])
    return Crops((segment,), where, n_hops=8, hop_samples=HOP, lead_hops=0, window_s=(0.0, 0.3))


def paired(**options: object) -> PairedCrops:
    return pair_trials(crops(EEG, 2), crops(MEG, 3, step=130), (EEG, MEG), **options)


def test_a_picture_is_known_by_its_stem_and_its_concept_by_the_names_of_things():
    assert stimulus_of("images\\dog\\Dog_07n.jpg") == stimulus_of("dog_07n")
    assert concept_of("ice_cream_03b") == concept_of("Ice cream")
    assert stimulus_of("St. Bernard") != stimulus_of("St. Paul")


def test_trials_are_paired_by_stimulus_else_by_concept_else_left_out():
    found = paired()
    assert found.labels.tolist() == [0, 1, 3]  # ice cream has no partner
    assert [partners.tolist() for partners in found.partners] == [[1, 2, 4], [1, 4], [0]]
    assert found.by_stimulus == 2
    assert len(found.where) == 3


def test_a_pair_holds_the_channels_of_both_around_their_own_onsets():
    """At every shift: both at the same time since onset, the second a trial that fits."""
    found = paired()
    for index, partners in enumerate(found.partners):
        for shift in range(HOP):
            signal, onset, counts = found.cut(index, shift)
            assert signal.shape == (5, 32)
            assert signal.dtype == np.float32
            first, second = signal[0] - 100, signal[2] - 100
            assert (first == found.chosen[index]).all()
            assert second[0] in partners
            assert (second == second[0]).all()
            since = (shift + HOP * np.arange(1, 9) - 1) / 100
            np.testing.assert_allclose(onset, np.where(since <= 0.3, since, -1.0), atol=1e-6)
            assert counts.tolist() == (since <= 0.3).tolist()


def test_partners_change_with_the_shift_and_follow_from_the_seed():
    def partners(found: PairedCrops) -> list[float]:
        return [float(found.cut(0, shift)[0][2, 0]) for shift in range(40)]

    assert set(partners(paired())) == {101.0, 102.0, 104.0}
    assert partners(paired()) == partners(paired()) != partners(paired(seed=1))


def test_the_mask_of_a_pair_is_true_where_both_masks_are():
    short = crops(MEG, 3, step=130)
    (segment,) = short.segments
    short = replace(short, segments=(replace(segment, signal=segment.signal[:, :150], sample=segment.sample[:150]),))
    found = pair_trials(crops(EEG, 2), short, (EEG, MEG))
    at = found.chosen.tolist().index(3)  # the dog's trial began 20 samples before the end
    assert found.cut(at, 0)[2].tolist() == [True] * 5 + [False] * 3


def test_the_loader_makes_batches_of_pairs():
    batches, sampler = make_loader(paired(), Recipe(batch=3).sampling, torch.device("cpu"))
    (batch,) = list(batches)
    assert batch[0].shape == (3, 5, 32)
    assert sorted(batch[4].tolist()) == [0, 1, 3]


def test_signals_are_every_pair_once():
    assert [signal.shape for signal in paired().signals()] == [(5, 32)] * 3


def test_another_concept_may_be_given():
    """Names that THINGS did not give."""
    found = pair_trials(
        crops(("a1",), 1), crops(("a2", "b1"), 1), (("a1",), ("a2", "b1")), concept=lambda name: name[0]
    )
    assert found.partners[0].tolist() == [0]
    assert found.by_stimulus == 0


def test_nothing_shared_is_refused_with_both_counts_and_examples():
    with pytest.raises(
        BadInput, match=r"4 labels of a.yaml \(such as 'cat_01b'\) and 1 labels of b.yaml \(such as 'x'"
    ):
        pair_trials(crops(EEG, 2), crops(("x",), 2), (EEG, ("x",)), ("a.yaml", "b.yaml"))


@pytest.mark.parametrize("changes", [{"hop_samples": 5}, {"n_hops": 9}, {"lead_hops": 1}, {"window_s": (0.0, 0.2)}])
def test_crops_of_different_hops_are_refused(changes):
    with pytest.raises(BadInput, match="the first set has .* and the second set .*, the same are needed"):
        pair_trials(crops(EEG, 2), replace(crops(MEG, 2), **changes), (EEG, MEG))


def test_crops_of_different_rates_are_refused():
    other = crops(MEG, 2)
    other = replace(other, segments=(replace(other.segments[0], sfreq_in=120.0),))
    with pytest.raises(BadInput, match="a rate of 100 Hz and the second set 120 Hz"):
        pair_trials(crops(EEG, 2), other, (EEG, MEG))
