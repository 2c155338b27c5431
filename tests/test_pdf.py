"""What `make pdf` does without a browser."""

import pdf
import pytest
from bs4 import BeautifulSoup

BOOK = {"book/intro", "book/setup"}
HOME = '<html><body><article class="bd-article"><h1>Home</h1><p>Text.</p></article></body></html>'


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("#fig-a", "#book/intro--fig-a"),
        ("setup.html", "#book/setup"),
        ("../book/setup.html#eq%20b", "#book/setup--eq b"),
        ("https://example.org/a#b", "https://example.org/a#b"),
        ("../data/fig-a.csv", ""),
        ("api/sdd.html#sdd.train", ""),
    ],
)
def test_links_lead_into_the_one_file_outside_or_nowhere(href, target):
    assert pdf.in_one_file(href, "book/intro", BOOK) == target


def test_what_a_screen_alone_can_use_is_left_out_and_names_are_those_of_one_file():
    soup = BeautifulSoup(
        '<article class="bd-article"><h1 id="home">Home</h1><details>code</details>'
        '<div class="play"><div class="play-words">Words instead.</div><canvas></canvas></div>'
        '<a href="setup.html#x">there</a> <a href="../data/t.csv">table</a></article>',
        "html.parser",
    )
    found = pdf.article(soup, "book/intro", BOOK)
    assert found.h1["id"] == "book/intro--home"
    assert found.get_text() == "HomeWords instead.there table"
    assert [a["href"] for a in found.select("a")] == ["#book/setup--x"]


def test_the_first_page_links_the_file_once(tmp_path):
    (tmp_path / "book").mkdir()
    home = tmp_path / "book" / "intro.html"
    home.write_text(HOME)
    for _ in range(2):
        pdf.link_from_home(tmp_path, "book/intro")
    assert home.read_text().count('<a href="../sdd.pdf">') == 1


def test_without_a_site_or_a_browser_one_sentence_says_what_to_do(tmp_path, monkeypatch, capsys):
    (tmp_path / "_toc.yml").write_text("root: book/intro\nchapters: []\n")
    assert pdf.main(tmp_path) == 2
    assert "run make book first" in capsys.readouterr().err
    site = tmp_path / "_build" / "html" / "book"
    site.mkdir(parents=True)
    (site / "intro.html").write_text(HOME.replace("<body>", "<head><title>A — B</title></head>"))
    (site.parent / "index.html").write_text("")
    monkeypatch.setattr(pdf, "BROWSERS", ("no-such-browser",))
    assert pdf.main(tmp_path) == 2
    said = capsys.readouterr().err
    assert "apt install chromium" in said
    assert said.count("\n") == 1
    assert [path.name for path in site.iterdir()] == ["intro.html"]
