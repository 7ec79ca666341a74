import numpy as np

from realtime.simulation.dipoles import N_ALPHA, N_VISUAL, source_patterns

CH_NAMES = ("Fp1", "Cz", "Oz")


def test_patterns_have_one_column_per_source():
    patterns = source_patterns(CH_NAMES, np.random.default_rng(0))
    shapes = {kind: pattern.shape for kind, pattern in patterns.items()}
    assert shapes == {"visual": (3, N_VISUAL), "background": (3, 3), "alpha": (3, N_ALPHA), "blink": (3,)}


def test_alpha_is_occipital_and_blinks_are_frontal():
    patterns = source_patterns(CH_NAMES, np.random.default_rng(0))
    alpha = np.sqrt((patterns["alpha"] ** 2).sum(axis=1))
    assert alpha.argmax() == CH_NAMES.index("Oz")
    assert np.abs(patterns["blink"]).argmax() == CH_NAMES.index("Fp1")


def test_the_scale_does_not_depend_on_the_cap():
    few = source_patterns(CH_NAMES, np.random.default_rng(0))
    more = source_patterns((*CH_NAMES, "Pz"), np.random.default_rng(0))
    np.testing.assert_allclose(few["visual"], more["visual"][:3])
