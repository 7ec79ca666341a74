"""Every figure is in a table, lists of figures in tables of their own."""

from training.report.number_tables import every_number, rows_table


def test_columns_have_readable_names_and_missing_values_are_dashes():
    html = rows_table([{"n": 3, "decided_time_s": None}])
    assert "<th>trials</th><th>their mean time, s</th>" in html
    assert "<td>3</td><td>–</td>" in html


def test_nested_figures_have_dotted_keys_and_lists_have_their_own_table():
    html = every_number({"a": {"b": 1.5}, "ci": [0.1, 0.2], "curve": [{"k": 2, "accuracy": 0.5}], "runs": []})
    assert "<td>a.b</td><td>1.5</td>" in html
    assert "<td>ci</td><td>0.1, 0.2</td>" in html
    assert "<summary>curve</summary>" in html
