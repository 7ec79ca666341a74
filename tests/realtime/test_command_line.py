import pytest

from realtime.command_line import make_table, table_console

SOURCE_ID = "-".join(str(k) for k in range(60))  # one word, longer than a terminal is wide


def printed(capsys: pytest.CaptureFixture[str], text: str) -> list[str]:
    table = make_table("name", "source_id")
    table.add_row("amp", text)
    table_console().print(table)
    lines = capsys.readouterr().out.splitlines()
    return [line.split("│")[2].strip() for line in lines if "│" in line]


def test_outside_a_terminal_every_row_is_one_complete_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert printed(capsys, SOURCE_ID) == [SOURCE_ID]


def test_in_a_terminal_a_long_word_is_folded_and_none_of_it_is_lost(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setenv("TERM", "dumb")
    lines = printed(capsys, SOURCE_ID)
    assert len(lines) > 1
    assert "".join(lines) == SOURCE_ID


def test_brackets_are_text(capsys):
    assert printed(capsys, "pip install 'glimpse-bci[train]'") == ["pip install 'glimpse-bci[train]'"]
