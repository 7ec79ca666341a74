"""The calibration of a bundle: how its confidence follows from logits and time."""

from dataclasses import dataclass

import numpy as np

# Keeps the logarithm finite at onset; about one hop.
ONSET_S = 0.05
# Interpolated channels are smooth and make a network too confident. This is the cost of all channels together if they
# were not measured one by one (training/calibration/channel_costs.py). On the demo bundle (`glimpse bench
# bad-channels`), with 6, 12, 25 and 50 % of the channels bad, the factor on the logits should be 0.6, 0.6, 0.4 and 0.2;
# after gaps and during blinks and bursts, 1.
BAD_COST = 8.0
NO_CHANNEL_FACTOR = 0.01  # if no channel is good: labels keep their order and become about equally likely
MEASURED_SHARE = 0.5  # of the channels; the cost of more of them at once was not measured


@dataclass(frozen=True)
class Calibration:
    """How logits become probabilities."""

    log_scale: float = 0.0  # log of the factor on the logits at the end of the window
    log_growth: float = 0.0  # exponent of (since_onset / window) in that factor
    uncued_log_scale: float = 0.0  # the factor's log when no onset is known
    decide_p: float = 0.9  # a trial is decided once a label's probability reaches this
    n_trials: int = 0  # validation trials behind the fit; 0: not calibrated
    bad_cost: tuple[float, ...] = ()  # of each channel while it is bad; empty: an equal share of BAD_COST

    def scale(self, since_onset_s: np.ndarray, window_s: float) -> np.ndarray:
        """Factor on the logits at each time since onset; negative times mean no onset."""
        since = np.asarray(since_onset_s, float)
        growth = np.log((np.maximum(since, 0) + ONSET_S) / (window_s + ONSET_S))
        return np.exp(np.where(since < 0, self.uncued_log_scale, self.log_scale + self.log_growth * growth))

    def bad_channel_factor(self, bad: np.ndarray) -> float:
        """Factor on the logits of a hop in which the channels `bad` (n_channels,) were flagged.

        1 for none; near 0 for all, since networks are confident even in silence.
        """
        share = np.count_nonzero(bad) / len(bad)
        if share == 1:
            return NO_CHANNEL_FACTOR
        equal_costs = 1 / (1 + BAD_COST * share)
        if not self.bad_cost:
            return equal_costs
        own_costs = 1 / (1 + sum(self.bad_cost[channel] for channel in bad.nonzero()[0]))
        return own_costs if share <= MEASURED_SHARE else min(own_costs, equal_costs)
