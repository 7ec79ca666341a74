"""Sizes that cannot be end in one sentence, for every network and every key."""

import dataclasses
from typing import Any

import pytest

from decoder.checked import Amount, Count, Share, check, lacking
from decoder.networks import NETWORKS, build_network

CONFIG = {"n_channels": 4, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3}
MEMBER = {"name": "shallow", "config": CONFIG}
MORE = {"ensemble": {"members": [MEMBER], "join": "mean"}, "fusion": {"n_first": 2}, "calibrated": {"network": MEMBER}}
WRONG: dict[Any, tuple[object, ...]] = {
    int: (0, -1, 2.5, float("nan"), True, "wide", None),
    Count: (-1, 0.5, True, "some"),
    float: (0, -1.0, float("nan"), float("inf"), True, "long"),
    Amount: (-0.1, float("inf"), "much"),
    Share: (-0.1, 1.1, float("nan"), "half"),
    bool: (1, "no"),
    str: (1, None),
    tuple[int, ...]: ((), (3, 0), 5, None),
    tuple[int, int, int]: ((1, 2), (1, 2, 3, 4), (1, 2, -3)),
    tuple[float, float]: ((4.0,), (4.0, 0.0), 4.0),
    int | None: (0, "wide"),
    tuple[Amount, ...] | None: ((), (1.0, -1.0), 3),
    dict[str, Any] | None: (3, "all"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_refuses_every_number_that_cannot_be(name: str) -> None:
    """The sentence names the key, what was found and what is needed."""
    for field in dataclasses.fields(NETWORKS[name].config):
        for value in WRONG.get(field.type, ()):
            with pytest.raises(ValueError, match=rf"^\w+Config: {field.name} .*, needs (a|true|values)"):
                build_network(name, **CONFIG | MORE.get(name, {}) | {field.name: value})


@pytest.mark.parametrize(
    ("kind", "fit"),
    [
        (int, 1),
        (Count, 0),
        (float, 3),
        (Share, 1),
        (Share, 0.0),
        (tuple[Amount, ...], (0.0, 2)),
        (tuple[int, ...], (1,)),
        (int | None, None),
    ],
)
def test_what_fits_passes(kind: object, fit: object) -> None:
    assert lacking(fit, kind) is None


def test_a_sentence_says_it_whole() -> None:
    with pytest.raises(ValueError, match=r"^EegNetConfig: kernel_s -1, needs a number above 0$"):
        build_network("eegnet", **CONFIG, kernel_s=-1)
    with pytest.raises(ValueError, match=r"filters \(8, 16\), needs a list of 3, each a whole number, 1 or more$"):
        build_network("stgate", **CONFIG, filters=[8, 16])


def test_only_fields_are_read() -> None:
    """A field without a rule takes anything."""

    @dataclasses.dataclass
    class Loose:
        anything: Any = -1
        deep: tuple[tuple[int, ...], ...] = ((-1,),)

    check(Loose())
