"""`--help` of every command: each argument says in words what it is."""

import re
from itertools import pairwise

import pytest

from glimpse import cli

COMMANDS = [
    *([name] for name in cli.COMMANDS),
    *(["data", name] for name in ("check", "graph", "list")),
    *(["bank", name] for name in ("build", "show", "search")),
    *(["bench", name] for name in ("latency", "throughput", "ingest", "soak", "accuracy", "networks")),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_argument_says_what_it_is(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: glimpse {' '.join(words)}" in said
    assert "{None}" not in said
    rows = [line.strip("│ ") for line in said.splitlines() if line.startswith("│")]
    for row, following in pairwise([*rows, ""]):
        named = re.fullmatch(r"(?P<name>\[*[A-Z]+\S*( \[[A-Z]\S*)*|--\S+( \S+)*?)(  +(?P<help>.*))?", row)
        if named:
            about = re.sub(r"\((required|default: .*|repeatable)\)$", "", named["help"] or following).strip()
            assert about.lower() not in ("", named["name"].lower()), row


def test_doctor_lists_certify_and_what_goes_with_it(capsys):
    for words in ([], ["--certify"]):
        with pytest.raises(SystemExit):
            cli.main(["doctor", *words, "--help"])
        said = capsys.readouterr().out
        assert all(f"--{name}" in said for name in ("json", "certify", "out", "peer"))


def test_what_only_a_measurement_heeds_is_refused_without_one(capsys):
    assert cli.main(["doctor", "--out", "there"]) == 2
    assert "--out: there found, but nothing is measured without --certify" in capsys.readouterr().err
