"""The calibration of a bundle: how its confidence follows from similarity and time."""

from dataclasses import dataclass

import numpy as np

# Keeps the logarithm finite at onset; about one hop.
ONSET_S = 0.05
# What stands in for bad channels is smooth and sure of itself, and misleads a network. This is what all channels cost
# together where nobody has measured each (training/calibration/channel_costs.py). On the demo bundle
# (benchmarks/robustness/bad_channels.py): with 6, 12, 25 and 50 % of the channels bad, the factor on the inner products
# should be 0.6, 0.6, 0.4 and 0.2; after gaps and during blinks and bursts, 1.
BAD_COST = 8.0
NONE_GOOD = 0.01  # the factor where no channel is left: labels keep their order and become about as likely
MEASURED_SHARE = 0.5  # of the channels: what more of them cost at once nobody has measured


@dataclass(frozen=True)
class Calibration:
    """How inner products become probabilities."""

    log_scale: float = 0.0  # log of the factor on the inner products at the end of the window
    log_growth: float = 0.0  # exponent of (since_onset / window) in that factor
    uncued_log_scale: float = 0.0  # the factor's log when no onset is known
    decide_p: float = 0.9  # a trial is decided once a label's probability reaches this
    n_trials: int = 0  # validation trials behind the fit; 0: not calibrated
    bad_cost: tuple[float, ...] = ()  # of each channel while it is bad; none: an equal share of BAD_COST

    def scale(self, since_onset_s: np.ndarray, window_s: float) -> np.ndarray:
        """Factor on the inner products at each time since onset; negative times mean no onset."""
        since = np.asarray(since_onset_s, float)
        growth = np.log((np.maximum(since, 0) + ONSET_S) / (window_s + ONSET_S))
        return np.exp(np.where(since < 0, self.uncued_log_scale, self.log_scale + self.log_growth * growth))

    def trust(self, bad: np.ndarray) -> float:
        """Factor on the inner products of a hop in which the channels `bad` (n_channels,) were flagged.

        1 for none; next to nothing for all, since networks are sure of themselves even in silence.
        """
        share = np.count_nonzero(bad) / len(bad)
        if share == 1:
            return NONE_GOOD
        usual = 1 / (1 + BAD_COST * share)
        if not self.bad_cost:
            return usual
        own = 1 / (1 + sum(self.bad_cost[channel] for channel in bad.nonzero()[0]))
        return own if share <= MEASURED_SHARE else min(own, usual)
