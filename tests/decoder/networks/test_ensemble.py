"""An ensemble: the inner product with its label vectors is the mean of its members'."""

import pytest
import torch
import torch.nn.functional as F

from decoder.networks import build_network
from decoder.networks.ensemble import concat_rows

SHARED = {"n_channels": 2, "sfreq": 64.0, "hop_samples": 8}
SHALLOW = {"name": "shallow", "config": SHARED | {"embedding_dim": 3}}
EEGNET = {"name": "eegnet", "config": SHARED | {"embedding_dim": 5}}


def test_side_by_side_the_inner_product_is_the_mean_of_the_members():
    torch.manual_seed(0)
    network = build_network("ensemble", **SHARED, embedding_dim=8, members=[SHALLOW, EEGNET]).eval()
    rows = [F.normalize(torch.randn(4, width), dim=-1) for width in (3, 5)]
    x, onset = torch.randn(2, 2, 64), torch.rand(2, 8)
    apart = [(member(x, None, onset)[0] @ own.T) for member, own in zip(network.members, rows, strict=True)]
    joined = concat_rows(rows)
    torch.testing.assert_close(network(x, None, onset)[0] @ joined.T, (apart[0] + apart[1]) / 2)
    torch.testing.assert_close(joined.norm(dim=-1), torch.ones(4))


def test_in_one_space_the_embedding_is_the_mean():
    network = build_network("ensemble", **SHARED, embedding_dim=3, members=[SHALLOW, SHALLOW], join="mean").eval()
    x = torch.randn(2, 2, 64)
    apart = [member(x)[0] for member in network.members]
    assert not torch.equal(*apart)
    torch.testing.assert_close(network(x)[0], (apart[0] + apart[1]) / 2)


@pytest.mark.parametrize("join", ["concat", "mean"])
def test_a_weight_multiplies_the_embedding_of_its_member(join):
    """And is taken from its member: a member that weighs nothing is not heard."""
    torch.manual_seed(0)
    members = [SHALLOW, SHALLOW | {"config": SHALLOW["config"] | {"n_filters": 4}}]
    width = {"concat": 6, "mean": 3}[join]
    network = build_network(
        "ensemble", **SHARED, embedding_dim=width, members=members, join=join, weights=[0.5, 3.0]
    ).eval()
    x = torch.randn(2, 2, 64)
    apart = [0.5 * network.members[0](x)[0], 3.0 * network.members[1](x)[0]]
    expected = (apart[0] + apart[1]) / 2 if join == "mean" else torch.cat(apart, dim=-1) / 2**0.5
    torch.testing.assert_close(network(x)[0], expected)
    network = build_network(
        "ensemble", **SHARED, embedding_dim=width, members=members, join=join, weights=[1.0, 0.0]
    ).eval()
    before = network(x)[0]
    with torch.no_grad():
        network.members[1].readout.now.weight.add_(1.0)
    assert torch.equal(network(x)[0], before)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weights": [1.0]}, "1 weights, needs one for each of 2 members"),
        ({"members": []}, "0 members, needs one or more"),
        ({"members": [{"name": "shallow"}]}, "shallow: key 'n_channels' is missing"),
        ({"members": [SHALLOW | {"name": "flat_mlp"}]}, "member 0 takes whole windows, needs a network that streams"),
        ({"n_channels": 3}, "n_channels of member 0 is 2, needs 3"),
        ({"join": "mean"}, "members of embedding_dim 3, 5 do not mean to 8"),
        ({"embedding_dim": 9}, "members of embedding_dim 3, 5 do not concat to 9"),
        ({"join": "vote"}, "join 'vote', needs concat or mean"),
    ],
)
def test_members_that_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        build_network("ensemble", **(SHARED | {"embedding_dim": 8, "members": [SHALLOW, EEGNET]} | changes))
