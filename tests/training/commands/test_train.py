"""What `glimpse train` takes beside a dataset: networks by name, graphs, teachers, weights to start from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from decoder.networks import NETWORKS
from glimpse import cli
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_experiment
from training.commands.train import TrainCommand, main, recipe_from_args
from training.runs.recipes import RECIPES
from training.runs.run import Run

QUICK = ("--network", "eegnet", "--epochs", "1")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without the line breaks of the console's width."""
    return " ".join(capsys.readouterr().out.split())


def refusal(*argv: str) -> str:
    with pytest.raises(BadInput) as error:
        main(list(argv))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_help_lists_every_network_with_its_line(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = said(capsys)
    assert all(f"{name}: {kind.about}" in printed for name, kind in NETWORKS.items())


def test_a_network_is_trained_by_name_with_options_and_a_changed_recipe(trained, tmp_path):
    argv = ["--data", str(trained.data), "--out", str(tmp_path / "run"), *QUICK]
    assert main([*argv, "--options", "dropout=0.25", "--set", "batch=8", "losses={cross_entropy: 2}"]) == 0
    d = Run.load(tmp_path / "run").description
    assert (d.network["name"], d.network["config"]["dropout"]) == ("eegnet", 0.25)
    assert "dim" not in d.network["config"]  # the recipe's sizes are another network's
    assert (d.recipe["batch"], d.recipe["losses"], d.recipe["options"]) == (8, {"cross_entropy": 2}, {"dropout": 0.25})


def test_an_exponent_needs_no_point():
    """YAML takes 1e-3 for a word."""
    assert recipe_from_args(TrainCommand(Path("d"), Path("o"), set=("lr=1e-3", "l1=3E-4"))).lr == 1e-3


def test_help_lists_every_recipe_with_its_line(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = said(capsys)
    assert all(f"{name}: {' '.join(made.__doc__.split())}" in printed for name, made in RECIPES.items())


def test_options_of_the_recipes_network_add_to_the_recipes():
    command = TrainCommand(Path("d"), Path("o"), options=('{"dim": 16}',))
    assert recipe_from_args(command).options == recipe_from_args(replace(command, options=())).options | {"dim": 16}
    assert recipe_from_args(replace(command, network="gat_transformer")).options["n_layers"] == 1


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("--network", "eegnett"), "--network: 'eegnett' is not known, one of gat_transformer, "),
        (("--options", "dim"), "--options: 'dim' found, KEY=VALUE or one JSON object needed"),
        (("--options", '{"dim": '), "--options: '{\"dim\": ' cannot be read"),
        (("--options", "dim=[1"), "--options: 'dim=[1' cannot be read"),
        (("--set", "loses=1"), "--set: recipes have no 'loses'"),
        (("--set", "epochs=2"), "--set: epochs has a flag of its own; write --epochs"),
        (("--set", "precision=fp8"), "precision is 'fp8', but needs to be auto, fp32, bf16, fp16"),
        (("--recipe", "stacked", "--network", "eegnet"), "--network: means one network, but the recipe stacks "),
        (("--recipe", "stacked", "--start-from", "x"), "--start-from: means one network"),
        (("--set", "members=[eegnet]", "--teacher", "x"), "--teacher: means one network, but the recipe stacks eegnet"),
        (
            ("--set", "members=[eegnet, flat_mlp]"),
            "members has 'flat_mlp', but a stack needs networks that decode live",
        ),
        (("--set", "members=[eegnet, eegnet]"), "members has 'eegnet', but a stack needs"),
        (("--set", "members=[eegnet, nobody]"), "members has 'nobody', but a stack needs"),
        (("--freeze", "stem"), "--freeze: keeps weights that were learned before, so it needs --start-from"),
        (("--neighbours", "0"), "--neighbours: 0 found, 1 or more needed"),
        (("--options", "dims=8"), "network gat_transformer: unknown key 'dims', perhaps 'dim'"),
        (("--network", "gat_transformer", "--options", "paths=[evil]"), "network gat_transformer: "),
        (("--options", "dim=wide"), "network gat_transformer: GatTransformerConfig: dim 'wide', needs a"),
        (("--options", "n_heads=0"), "network gat_transformer: "),
        (("--network", "ensemble"), "network ensemble: key 'members' is missing; change its options or choose another"),
        (("--graph", "friendship"), "kind 'friendship' is not known"),
        (
            ("--graph", "wpli", "--network", "eegnet"),
            "--graph: network eegnet has no graph of sensors; leave it out or",
        ),
        (("--teacher", "nowhere"), "nowhere is not a run"),
        (("--set", "losses={mse: 1}"), "'mse', which needs vectors that are given"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(trained, tmp_path, argv, sentence):
    assert sentence in refusal("--data", str(trained.data), "--out", str(tmp_path / "run"), *argv)
    assert not (tmp_path / "run").exists()


def test_an_option_without_a_value_gives_one_plain_sentence(trained, tmp_path):
    sentence = refusal("--data", str(trained.data), "--out", str(tmp_path / "run"), "--options", "dim")
    assert sentence == "--options: 'dim' found, KEY=VALUE or one JSON object needed"


def test_a_graph_is_learned_from_training_data_and_is_part_of_the_run(trained, tmp_path):
    argv = ["--data", str(trained.data), "--epochs", "1", "--graph", "correlation", "--neighbours", "2"]
    assert main([*argv, "--out", str(tmp_path / "run")]) == 0
    config = Run.load(tmp_path / "run").description.network["config"]
    assert [row[0] for row in config["neighbours"]] == [0, 1, 2, 3]
    assert len(config["edge_features"]) == 4
    assert "edge_features" not in Run.load(trained.run).description.network["config"]
    assert Run.load(tmp_path / "run").load_trained()[1].names == ("slow", "fast")


@pytest.mark.parametrize("network", [("--network", "stgate"), ("--network", "gat_fc", "--options", "graph_version=1")])
def test_a_network_that_reads_no_edge_features_takes_the_neighbours_of_a_graph(trained, tmp_path, network):
    argv = ["--data", str(trained.data), "--out", str(tmp_path / "run"), "--epochs", "1", "--graph", "correlation"]
    assert main([*argv, "--neighbours", "2", *network]) == 0
    config = Run.load(tmp_path / "run").description.network["config"]
    assert [row[0] for row in config["neighbours"]] == [0, 1, 2, 3]
    assert "edge_features" not in config


def test_a_student_comes_nearer_to_its_teacher_than_alone(trained, tmp_path):
    """At the end of the window; and its prototypes begin as the teacher's."""
    found = {}
    for name, more in (("alone", []), ("taught", ["--teacher", str(trained.run), "--set", "distill=20.0"])):
        argv = ["--data", str(trained.data), "--out", str(tmp_path / name), "--network", "eegnet", "--epochs", "6"]
        assert main([*argv, *more]) == 0
        found[name] = Run.load(tmp_path / name)
    assert found["taught"].description.made_from == {"teacher": Run.load(trained.run).digest}
    teacher, bank = Run.load(trained.run).load_trained()
    signal = 5 * torch.randn(16, 4, 160, generator=torch.Generator().manual_seed(0))
    onset = torch.arange(40).expand(16, 40) * 4 / 128 - 0.25
    with torch.inference_mode():
        want = teacher(signal, None, onset)[0][:, -1]
        near = {
            name: torch.cosine_similarity(run.load_trained()[0](signal, None, onset)[0][:, -1], want).mean()
            for name, run in found.items()
        }
    assert near["taught"] > near["alone"] + 0.2
    cosines = {name: (run.load_trained()[1].vectors * bank.vectors).sum(axis=1).mean() for name, run in found.items()}
    assert cosines["taught"] > 0.9 > cosines["alone"]


def test_a_teacher_of_other_data_is_refused_with_what_differs(trained, tmp_path):
    data = write_experiment(tmp_path, window_s=[0.0, 0.8])
    sentence = refusal("--data", str(data), "--out", str(tmp_path / "run"), "--teacher", str(trained.run))
    assert "its window_s is [0.0, 1.0], but this run's is [0.0, 0.8]" in sentence
    sentence = refusal(
        *("--data", str(trained.data), "--out", str(tmp_path / "run"), "--teacher", str(trained.run)),
        *("--set", "embedding_dim=8"),
    )
    assert "its embedding_dim is 16, but this run's is 8" in sentence


def test_weights_are_copied_where_they_fit_and_frozen_ones_stay(trained, tmp_path, capsys):
    argv = ["--data", str(trained.data), "--out", str(tmp_path / "run"), "--start-from", str(trained.run)]
    assert main([*argv, "--freeze", "stem", "power_norm", "--epochs", "1", "--options", "power_sources=2"]) == 0
    printed = said(capsys)
    assert "copied; not copied: power" in printed
    theirs, ours = (Run.load(path).checkpoint()["network"] for path in (trained.run, tmp_path / "run"))
    assert torch.equal(ours["stem.conv.weight"], theirs["stem.conv.weight"])
    assert not torch.equal(ours["token.weight"], theirs["token.weight"])
    assert Run.load(tmp_path / "run").description.made_from == {"start_from": Run.load(trained.run).digest}


def test_frozen_layers_keep_weights_and_running_statistics(trained, tmp_path):
    argv = ["--data", str(trained.data), "--out", str(tmp_path / "run"), "--start-from", str(trained.run)]
    assert main([*argv, "--freeze", "power_norm", "--epochs", "1"]) == 0
    theirs, ours = (Run.load(path).checkpoint()["network"] for path in (trained.run, tmp_path / "run"))
    for key in ("power_norm.running_mean", "power_norm.weight", "power_norm.num_batches_tracked"):
        assert torch.equal(ours[key], theirs[key])


def test_unknown_frozen_layers_and_foreign_start_weights_are_refused(trained, tmp_path):
    argv = ["--data", str(trained.data), "--out", str(tmp_path / "run"), "--start-from", str(trained.run)]
    assert "no weight is called 'stems'; the network has" in refusal(*argv, "--freeze", "stems")
    # "st" begins the name of a layer, but names none.
    assert "no weight is called 'st'" in refusal(*argv, "--freeze", "st")


def test_non_finite_batch_stops_training_and_is_saved(tmp_path, capsys):
    """A loss so heavy that it overflows; exit status 1, no traceback."""
    data, out = write_experiment(tmp_path), tmp_path / "run"
    argv = ["train", "--data", str(data), "--out", str(out), *QUICK, "--set", "losses={cross_entropy: 1.0e+39}"]
    assert cli.main(argv) == 1
    error = capsys.readouterr().err
    assert "epoch 1, batch 1: the loss is not finite; the batch lies in" in error
    assert "no checkpoint was written yet" in error
    assert error.count("\n") == 1
    saved = torch.load(out / "bad_batch.pt", weights_only=True)
    assert set(saved) == {"epoch", "batch", "signal", "onset_input", "onset", "mask", "label", "teacher"}
    assert not (out / "checkpoint.pt").exists()
    assert json.loads((out / "run.json").read_text())["calibration"] is None
