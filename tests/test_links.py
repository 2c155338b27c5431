"""What the scheduled job asks for: each address outside that the site links to, once."""

import links


def test_addresses_outside_are_listed_once_and_those_of_this_machine_not(tmp_path, capsys):
    site = tmp_path / "_build" / "html"
    site.mkdir(parents=True)
    assert links.main(tmp_path) == 2
    assert "run make book first" in capsys.readouterr().err
    (site / "index.html").write_text(
        '<a href="https://b.org/x#part">b</a> <a href="book/a.html">a</a>'
    )
    (site / "book").mkdir()
    (site / "book" / "a.html").write_text(
        '<a href="http://a.org">a</a> <a href="https://b.org/x">b</a> <a href="#here">here</a>'
        '<a href="http://localhost:8895/lab">JupyterLab</a>'
    )
    assert links.main(tmp_path) == 0
    listed = (tmp_path / "_build" / "links.txt").read_text().splitlines()
    assert listed == ["http://a.org", "https://b.org/x"]
