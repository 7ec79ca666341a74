"""`--help` of every command: each argument says in words what it is."""

import re
from itertools import pairwise

import pytest

from glimpse import cli

COMMANDS = [
    *([name] for name in cli.COMMANDS),
    *(["data", name] for name in ("check", "graph", "list")),
    *(["bank", name] for name in ("build", "show", "search")),
    *(["bench", name] for name in ("latency", "throughput", "ingest", "soak", "accuracy", "networks", "bad-channels")),
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


def test_doctor_certify_is_an_alias_of_certify_and_says_so(capsys):
    shown = []
    for words in (["certify"], ["doctor", "--certify"]):
        with pytest.raises(SystemExit):
            cli.main([*words, "--help"])
        output = capsys.readouterr()
        shown.append(output.out)
        assert ("is now `glimpse certify`" in output.err) == (words[0] == "doctor")
    assert shown[0] == shown[1]
    assert all(f"--{name}" in shown[0] for name in ("json", "out", "peer"))
