from training.evaluate.loaded_model import load_model, network_label

ONE, OTHER = ({"name": name, "config": {"n_channels": 4}} for name in ("shallow", "eegnet"))


def test_a_network_of_several_names_its_members_and_what_each_weighs():
    both = {"name": "ensemble", "config": {"members": [ONE, OTHER], "weights": None}}
    assert network_label(ONE) == "shallow"
    assert network_label(both) == "ensemble (shallow, eegnet)"
    weighed = both["config"] | {"weights": [1.2345, 0.0]}
    assert network_label({"name": "ensemble", "config": weighed}) == "ensemble (shallow × 1.23, eegnet × 0)"
    assert (
        network_label({"name": "calibrated", "config": {"network": both}}) == "calibrated (ensemble (shallow, eegnet))"
    )


def test_run_and_bundle_name_the_same_network(trained):
    assert load_model(trained.run).network == load_model(trained.bundle).network == "gat_transformer"
