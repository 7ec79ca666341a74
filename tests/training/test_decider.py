from training.decider import named, opened

ONE, OTHER = ({"name": name, "config": {"n_channels": 4}} for name in ("shallow", "eegnet"))


def test_a_network_of_several_names_its_members_and_what_each_weighs():
    both = {"name": "ensemble", "config": {"members": [ONE, OTHER], "weights": None}}
    assert named(ONE) == "shallow"
    assert named(both) == "ensemble (shallow, eegnet)"
    weighed = both["config"] | {"weights": [1.2345, 0.0]}
    assert named({"name": "ensemble", "config": weighed}) == "ensemble (shallow × 1.23, eegnet × 0)"
    assert named({"name": "calibrated", "config": {"network": both}}) == "calibrated (ensemble (shallow, eegnet))"


def test_run_and_bundle_name_the_same_network(trained):
    assert opened(trained.run).network == opened(trained.bundle).network == "gat_transformer"
