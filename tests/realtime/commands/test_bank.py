import json
import os
from pathlib import Path

import numpy as np
import pytest

from realtime.bundle.bank import Bank
from realtime.commands.bank import main
from realtime.errors import BadInput


@pytest.fixture
def clip() -> Path:
    if not os.environ.get("GLIMPSE_DATA"):
        pytest.skip(
            "set GLIMPSE_DATA to a folder with clip/, from github.com/facebookresearch/Detic and ArashAkbarinia/ides"
        )
    return Path(os.environ["GLIMPSE_DATA"]) / "clip"


def made(folder: Path, names: str = "red fox\nowl\nbear\n", vectors: object = None) -> list[str]:
    """Arguments of `bank build` for two small files."""
    np.save(folder / "v.npy", np.array([[9, 2, 0], [9, 1.9, 0.3], [9, 0, 5]]) if vectors is None else vectors)
    (folder / "n.txt").write_text(names)
    return ["build", "--vectors", str(folder / "v.npy"), "--names", str(folder / "n.txt"), "--out", str(folder / "b")]


def found(folder: Path, *arguments: str) -> list[dict]:
    main(["search", str(folder), *arguments, "--json", f"{folder}.json"])
    return json.loads(Path(f"{folder}.json").read_text())


def test_a_bank_has_the_requested_columns_and_finds_any_spelling(tmp_path, capsys):
    main([*made(tmp_path), "--columns", "1", "3"])
    bank = Bank.load(tmp_path / "b")
    assert (bank.names, bank.dim) == (("red fox", "owl", "bear"), 2)
    (one,) = found(tmp_path / "b", "--name", "Red_Fox", "--top", "2")
    assert one["query"] == "red fox"
    assert [near["label"] for near in one["nearest"]] == ["red fox", "owl"]
    assert one["nearest"][0]["similarity"] == pytest.approx(1)
    assert one["nearest"][1]["similarity"] == pytest.approx(1.9 / (1.9**2 + 0.3**2) ** 0.5)
    main(["show", str(tmp_path / "b")])
    assert "3 labels, 2 numbers each" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"names": "owl\n"}, r"v\.npy: it has 3 rows, but .*n\.txt names 1"),
        ({"names": "owl\nbear\nfox\n", "vectors": np.zeros((3, 2))}, r"the vector of 'owl' is zero or not finite"),
        ({"vectors": np.zeros(3)}, r"v\.npy: its shape is \(3,\)"),
        ({"vectors": np.array([["a"], ["b"], ["c"]])}, r"v\.npy: its shape is \(3, 1\) of <U1"),
    ],
)
def test_a_bank_that_cannot_be_built_leaves_no_files(tmp_path, change, sentence):
    arguments = made(tmp_path, **change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadInput, match=sentence):
        main(arguments)
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_there_is_never_overwritten(tmp_path):
    main(made(tmp_path))
    with pytest.raises(BadInput, match=r"b: exists already"):
        main(made(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "one of --name and --vectors"),
        (["--name", "owl", "--vectors", "v.npy"], "one of --name and --vectors"),
        (["--name", "bare"], "has no label 'bare'; similar are bear"),
        (["--name", "owl", "--top", "0"], "--top is 0"),
    ],
)
def test_an_impossible_search_is_refused_with_the_reason(tmp_path, arguments, sentence):
    main(made(tmp_path))
    with pytest.raises(BadInput, match=sentence):
        found(tmp_path / "b", *arguments)


def test_vectors_of_another_space_are_refused(tmp_path):
    main(made(tmp_path))
    np.save(tmp_path / "q.npy", np.ones((1, 2)))
    with pytest.raises(BadInput, match=r"q\.npy: its vectors have 2 numbers, but .*b has 3"):
        found(tmp_path / "b", "--vectors", str(tmp_path / "q.npy"))


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("labels.json", b"{", r"labels\.json cannot be read"),
        ("labels.json", b'["owl"]', "a list of objects with a name is needed"),
        ("labels.json", b'[{"name": "owl"}]', "1 names need as many vectors"),
        ("bank.safetensors", b"no", r"bank\.safetensors or labels\.json cannot be read"),
    ],
)
def test_a_broken_bank_is_refused(tmp_path, file, content, sentence):
    main(made(tmp_path))
    (tmp_path / "b" / file).write_bytes(content)
    with pytest.raises(BadInput, match=sentence):
        main(["show", str(tmp_path / "b")])


def test_a_folder_that_is_no_bank_is_named(tmp_path):
    with pytest.raises(BadInput, match="neither a bank .* nor a bundle"):
        main(["show", str(tmp_path)])


@pytest.mark.parametrize(("which", "n_labels", "word"), [("lvis", 1203, "Banana"), ("oid", 500, "infant_bed")])
def test_clip_text_vectors_make_a_bank_whose_every_row_finds_itself(tmp_path, clip, which, n_labels, word):
    files = clip / "detic_vitb32_text"
    vectors, names = f"{files / which}_text.npy", f"{files / which}_names.tsv"
    main(["build", "--vectors", vectors, "--names", names, "--out", str(tmp_path / "b")])
    bank = Bank.load(tmp_path / "b")
    assert (len(bank.names), bank.dim) == (n_labels, 512)
    (one,) = found(tmp_path / "b", "--name", word)
    assert one["nearest"][0]["label"] == one["query"]
    rows = found(tmp_path / "b", "--vectors", vectors, "--top", "1")  # two names stand twice in Open Images
    assert [one["nearest"][0]["label"] for one in rows] == list(bank.names)


def test_image_vectors_find_their_own_concept_among_200_as_often_as_published(tmp_path, clip):
    files, columns = clip / "ides_vitb16_laion400m", ["--columns", "0", "512"]
    vectors, names = str(files / "test_out_distribution.npy"), str(files / "test_image_captions.json")
    main(["build", "--vectors", vectors, "--names", names, *columns, "--out", str(tmp_path / "b")])
    rows = found(tmp_path / "b", "--vectors", str(files / "test_in_distribution.npy"), *columns)
    names_in_order = Bank.load(tmp_path / "b").names
    hits = sum(one["nearest"][0]["label"] == name for one, name in zip(rows, names_in_order, strict=True))
    assert (hits, len(rows)) == (196, 200)
