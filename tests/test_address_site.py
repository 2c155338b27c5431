"""Previews have a picture, and 404.html links that work, where the site's address is known."""

from types import SimpleNamespace

import address_site
import pytest
from bs4 import BeautifulSoup
from docutils import nodes


def config(baseurl="", repository=""):
    options = {"repository_url": repository} if repository else {}
    return SimpleNamespace(
        html_baseurl=baseurl, html_theme_options=options, root_doc="book/intro", html_title="Book"
    )


@pytest.mark.parametrize(
    ("baseurl", "repository", "here", "address"),
    [
        ("https://example.org/book", "https://github.com/A/b", "", "https://example.org/book/"),
        ("", "https://github.com/Some/sdd", "", "https://some.github.io/sdd/"),
        ("", "", "Some/sdd", "https://some.github.io/sdd/"),
        ("", "https://example.org/git/sdd", "", ""),
        ("", "", "", ""),
    ],
)
def test_the_address_is_the_one_set_or_that_of_the_repository(
    baseurl, repository, here, address, monkeypatch
):
    monkeypatch.setenv("GITHUB_REPOSITORY", here)
    assert address_site.address(config(baseurl, repository)) == address


@pytest.mark.parametrize(
    ("baseurl", "start"), [("https://example.org/b/", "https://example.org/b/"), ("", "/")]
)
def test_links_of_the_page_404_work_from_any_depth(baseurl, start, tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(config=config(baseurl), builder=builder, outdir=tmp_path)
    address_site.write_not_found(app, None)
    page = BeautifulSoup((tmp_path / "404.html").read_text(), "html.parser")
    links = [a["href"] for a in page.select("a")]
    assert links == [f"{start}book/intro.html", f"{start}search.html"]


@pytest.mark.parametrize("baseurl", ["", "https://example.org/b/"])
def test_previews_have_a_picture_only_where_its_address_is_known(baseurl, monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    first = nodes.section("", nodes.image(alt='A "curve"'))
    app = SimpleNamespace(
        config=config(baseurl),
        env=SimpleNamespace(get_doctree={"book/intro": first}.get),
        builder=SimpleNamespace(get_target_uri="{}.html".format),
    )
    context = {"metatags": ""}
    address_site.add_preview(app, "book/setup", "page.html", context, first)
    metas = BeautifulSoup(context["metatags"], "html.parser").select("meta")
    found = {meta["property"]: meta["content"] for meta in metas}
    assert bool(found) == bool(baseurl)
    if found:
        assert found["og:url"] == "https://example.org/b/book/setup.html"
        assert found["og:image"] == "https://example.org/b/preview.png"
        assert found["og:image:alt"] == 'A "curve"'
