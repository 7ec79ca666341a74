from pylsl import local_clock

from realtime.decoding.decision import Candidate
from realtime.live.messages import TrialMessage, status_message
from serve.client.score import Score
from tests.helpers.messages import decision_message, hello_message


def add_trial(score: Score, trial: int, shown: str, *answer: str) -> None:
    """A marker and one decision."""
    score.add(TrialMessage("s1", trial, 1.0, shown, shown))
    score.add(decision_message(trial=trial, top=tuple(Candidate(label, 0.5, 0.1) for label in answer)))


def test_a_score_stays_as_small_after_ten_thousand_trials():
    score = Score()
    for trial in range(10_000):
        add_trial(score, trial, "cat", "cat")
    assert (score.trials, score.top_k_share(1)) == (9_999, 1.0)
    assert len(score.finished) + len(score._shown) + len(score._answers) + len(score.ranks) < 100


def test_a_trial_counts_once_a_later_one_has_followed():
    """The newest trial's answer may still change, so it is not scored."""
    score = Score()
    for trial, (shown, named) in enumerate([("cat", "cat"), ("dog", "cat"), ("cow", "cow")]):
        add_trial(score, trial, shown, named, "dog")
    assert [(trial.number, trial.rank) for trial in score.finished] == [(0, 0), (1, 1)]
    assert (score.top_k_share(1), score.top_k_share(5)) == (0.5, 1.0)


def test_labels_and_gaps_are_counted():
    score = Score()
    for message in (hello_message(), status_message("s1", "gap", "Lost."), status_message("s1", "live", "Samples.")):
        score.add(message)
    assert (score.n_labels, score.gaps, score.decisions) == (3, 1, 0)


def test_samples_taken_before_the_first_decision_arrived_are_start_up():
    score, began = Score(), local_clock()
    for ago_s in (0.4, 0.3, 0.2, 0.1):
        score.add(decision_message(t_lsl=began - ago_s))
    while local_clock() <= score._startup_end:
        pass
    score.add(decision_message(t_lsl=local_clock(), latency_ms={"encode": 7.0}))
    assert (len(score.startup_ms), len(score.latency_ms), score.decisions) == (4, 1, 5)
    assert min(score.startup_ms) > 99
    assert {stage: list(ms) for stage, ms in score.stages_ms.items()} == {"encode": [7.0]}
