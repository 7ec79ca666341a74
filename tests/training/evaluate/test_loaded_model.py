"""The label of a network names its members; a run and its bundle have the same label."""

from training.evaluate.loaded_model import load_model, network_label

ONE, OTHER = ({"name": name, "config": {"n_channels": 4}} for name in ("shallow", "eegnet"))


def test_network_label_lists_members_and_their_weights():
    both = {"name": "ensemble", "config": {"members": [ONE, OTHER], "weights": None}}
    assert network_label(ONE) == "shallow"
    assert network_label(both) == "ensemble (shallow, eegnet)"
    weighted = both["config"] | {"weights": [1.2345, 0.0]}
    assert network_label({"name": "ensemble", "config": weighted}) == "ensemble (shallow × 1.23, eegnet × 0)"
    assert (
        network_label({"name": "calibrated", "config": {"network": both}}) == "calibrated (ensemble (shallow, eegnet))"
    )


def test_run_and_bundle_have_the_same_network_label(trained):
    assert load_model(trained.run).network == load_model(trained.bundle).network == "gat_transformer"
