"""An ensemble: the inner product with its label vectors is the mean of its members'."""

import pytest
import torch
import torch.nn.functional as F

from decoder.networks import build
from decoder.networks.ensemble import join_rows

SHARED = {"n_channels": 2, "sfreq": 64.0, "hop_samples": 8}
SHALLOW = {"name": "shallow", "config": SHARED | {"embedding_dim": 3}}
EEGNET = {"name": "eegnet", "config": SHARED | {"embedding_dim": 5}}


def test_side_by_side_the_inner_product_is_the_mean_of_the_members():
    torch.manual_seed(0)
    made = build("ensemble", **SHARED, embedding_dim=8, members=[SHALLOW, EEGNET]).eval()
    rows = [F.normalize(torch.randn(4, width), dim=-1) for width in (3, 5)]
    x, onset = torch.randn(2, 2, 64), torch.rand(2, 8)
    apart = [(member(x, None, onset)[0] @ own.T) for member, own in zip(made.members, rows, strict=True)]
    joined = join_rows(rows)
    torch.testing.assert_close(made(x, None, onset)[0] @ joined.T, (apart[0] + apart[1]) / 2)
    torch.testing.assert_close(joined.norm(dim=-1), torch.ones(4))


def test_in_one_space_the_embedding_is_the_mean():
    made = build("ensemble", **SHARED, embedding_dim=3, members=[SHALLOW, SHALLOW], join="mean").eval()
    x = torch.randn(2, 2, 64)
    apart = [member(x)[0] for member in made.members]
    assert not torch.equal(*apart)
    torch.testing.assert_close(made(x)[0], (apart[0] + apart[1]) / 2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"n_channels": 3}, "n_channels of member 0 is 2, needs 3"),
        ({"join": "mean"}, "members of embedding_dim 3, 5 do not mean to 8"),
        ({"embedding_dim": 9}, "members of embedding_dim 3, 5 do not concat to 9"),
        ({"join": "vote"}, "join 'vote', needs concat or mean"),
    ],
)
def test_members_that_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        build("ensemble", **(SHARED | {"embedding_dim": 8, "members": [SHALLOW, EEGNET]} | changes))
