"""Titles and cells are escaped, content is not."""

from training.report.html import collapsible, section, table


def test_titles_texts_and_cells_are_escaped_and_content_is_kept():
    assert section("a<b", "c&d", "<i>x</i>", wide=True) == (
        '<section class="wide"><h2>a&lt;b</h2><p>c&amp;d</p><i>x</i></section>'
    )
    assert section("t", "", "x") == "<section><h2>t</h2>x</section>"
    assert collapsible("<s>", "<i>") == "<details><summary>&lt;s&gt;</summary><i></details>"
    assert "<th>&lt;h&gt;</th>" in table(["<h>"], [])
    assert "<td>&lt;1&gt;</td><td>2</td>" in table(["a", "b"], [("<1>", 2)])
