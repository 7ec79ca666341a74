import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.published.things_eeg2 import write_epochs
from training.data.readers.open import open_source
from training.data.readers.splits import SplitRule, make_splitter, readings_of
from training.data.readers.things_eeg2 import TEST_DAYS
from training.data.readers.trials import Epochs


@pytest.fixture(scope="module")
def author(tmp_path_factory, shared):
    return write_epochs(tmp_path_factory.mktemp("author"), shared / "things_eeg2_meta")


@pytest.fixture(scope="module")
def nice(tmp_path_factory, shared):
    return write_epochs(tmp_path_factory.mktemp("nice"), shared / "things_eeg2_meta", "nice", n_concepts=30, n_test=8)


def rewrite(root, **changes):
    """The training file of a small folder with other values under some keys."""
    path = root / "sub-01" / "preprocessed_eeg_training.npy"
    held = np.load(path, allow_pickle=True).item()
    np.save(path, {key: value for key, value in (held | changes).items() if value is not None})
    return path


def read_all(root):
    published = open_source("things-eeg2", root)
    return [reading for session in published.sessions for reading in session.read()]


def test_the_author_container_holds_every_published_trial(author):
    published = open_source("things-eeg2", author)
    assert "dicts in npy files" in published.layout
    parts = {session.subset: sum(len(reading.trials) for reading in session.read()) for session in published.sessions}
    assert parts == {"train": 66160, "test": 16000}
    first = next(published.sessions[0].read())
    assert isinstance(first.signal, Epochs)
    assert first.trials.picture[:5].tolist() == ["aardvark_01b"] * 4 + ["aardvark_02s"]
    assert first.signal.onset_row == 1  # 5 samples of a second from -0.2 s on


def test_a_bare_pickle_with_300_times_for_250_samples_begins_at_the_onset(nice):
    published = open_source("things-eeg2", nice)
    assert "bare pickles" in published.layout
    reading = next(published.sessions[0].read())
    assert (reading.signal.onset_row, reading.signal.sfreq, len(reading.signal.ch_names)) == (0, 5.0, 63)
    assert reading.signal.ch_names[0] == "AF7"


def test_test_repetitions_are_of_the_day_that_the_public_seed_gives(nice):
    (test,) = open_source("things-eeg2", nice).sessions[1].read()
    assert test.trials.day[:80].tolist() == [int(day) for day in TEST_DAYS]
    assert np.bincount(test.trials.day[:80]).tolist() == [0, 20, 20, 20, 20]


def test_days_from_the_seed_agree_with_the_real_trials(shared):
    with np.load(shared / "things_eeg2_sub01" / "sub-01_test_even_rows.npz") as real:
        assert real["day"].tolist() == [int(TEST_DAYS[position]) for position in real["repetition"]]


def test_training_repetitions_are_known_as_early_or_late_days(author):
    train = next(open_source("things-eeg2", author).sessions[0].read())
    assert train.trials.day[:4].tolist() == [4, 2, 4, 2]


def test_the_table_of_orders_tells_the_day_of_every_repetition(tmp_path, shared):
    root = write_epochs(tmp_path, shared / "things_eeg2_meta")
    (root / "train_days_and_order.npz").write_bytes(
        (shared / "things_eeg2_meta" / "train_days_and_order.npz").read_bytes()
    )
    published = open_source("things-eeg2", root)
    assert not any("train_days_and_order" in finding.what for finding in published.findings)
    days = np.concatenate([reading.trials.day for reading in published.sessions[0].read()]).reshape(1654, 10, 4)
    with np.load(root / "train_days_and_order.npz") as table:
        first, second = table["days"][0].T
    assert set(first.tolist()) == {1, 2}
    np.testing.assert_array_equal(days[:, 3], np.stack([second, first, second, first], axis=1))


@pytest.mark.parametrize("with_table", [False, True])
def test_splits_of_the_containers_leak_nothing(tmp_path, shared, with_table):
    root = write_epochs(tmp_path, shared / "things_eeg2_meta")
    if with_table:
        table = (shared / "things_eeg2_meta" / "train_days_and_order.npz").read_bytes()
        (root / "train_days_and_order.npz").write_bytes(table)
    published = open_source("things-eeg2", root)
    concepts, days = {}, {}
    for _, reading, split in readings_of(published, make_splitter(published, SplitRule())):
        for name in ("train", "valid", "test"):
            concepts.setdefault(name, set()).update(reading.trials.concept[split == name].tolist())
            days.setdefault(name, set()).update(reading.trials.day[split == name].tolist())
    assert not concepts["train"] & concepts["valid"]
    assert not (concepts["train"] | concepts["valid"]) & concepts["test"]
    assert len(concepts["test"]) == 200
    assert days["valid"] == days["test"] == {4}
    assert days["train"] == ({1, 2, 3} if with_table else {2})


def test_the_days_apart_have_their_price_named(author):
    costs = [finding.cost for finding in open_source("things-eeg2", author).findings]
    assert any("half of them train" in cost for cost in costs)
    assert any("strict result" in cost for cost in costs)


def small(tmp_path, shared):
    return write_epochs(tmp_path, shared / "things_eeg2_meta", n_concepts=3, n_test=2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"times": None}, "holds preprocessed_eeg_data, ch_names, but needs the keys .* times"),
        (
            {"preprocessed_eeg_data": np.zeros((30, 17, 5))},
            r"has shape \(30, 17, 5\), but needs \(30, 4, channels, times\)",
        ),
        ({"preprocessed_eeg_data": np.zeros((29, 4, 17, 5))}, r"but needs \(30, 4, channels, times\)"),
        ({"ch_names": ["Pz"] * 17}, r"ch_names has 17 names \(1 different\), but the 17 channels"),
        ({"ch_names": [*"abcdefghijklmnop", "stim"]}, "stim among them"),
        ({"ch_names": [*"abcd"]}, "ch_names has 4 names"),
        ({"times": np.arange(3.0)}, "times has 3 values, but 5 samples need one each"),
    ],
)
def test_a_container_that_does_not_fit_is_refused(tmp_path, shared, changes, sentence):
    rewrite(small(tmp_path, shared), **changes)
    with pytest.raises(BadInput, match=sentence):
        read_all(tmp_path)


def test_a_truncated_container_is_refused_before_it_is_read(tmp_path, shared):
    path = small(tmp_path, shared) / "sub-01" / "preprocessed_eeg_training.npy"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(BadInput, match="preprocessed_eeg_training.npy: the file is cut short .* download it again"):
        open_source("things-eeg2", tmp_path)


def test_a_missing_part_is_a_finding_with_its_cost(tmp_path, shared):
    (small(tmp_path, shared) / "sub-01" / "preprocessed_eeg_test.npy").unlink()
    published = open_source("things-eeg2", tmp_path)
    assert any("subject 1 has no test trials" in finding.cost for finding in published.findings)


def test_two_containers_in_one_folder_are_named(tmp_path, shared):
    small(tmp_path / "preprocessed_data", shared)
    raw = tmp_path / "raw_data" / "sub-01" / "ses-01"
    raw.mkdir(parents=True)
    (raw / "raw_eeg_training.npy").touch()
    with pytest.raises(BadInput, match="root holds several containers, .* set root to one of"):
        open_source("things-eeg2", tmp_path)


def test_a_container_that_is_not_read_is_recognised(tmp_path):
    (tmp_path / "sub-01").mkdir()
    (tmp_path / "sub-01" / "train.pt").touch()
    with pytest.raises(BadInput, match="Uncertainty-aware-Blur-Prior, which are not read"):
        open_source("things-eeg2", tmp_path)
