"""The book as one PDF holds what the pages of the site hold, in their order."""

import unicodedata
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pdf
import pytest
from browsing import SITE
from bs4 import BeautifulSoup
from pypdf import PdfReader

ROOT = SITE.parents[1]
BOOK = [page for page in pdf.pages(ROOT) if page != pdf.LEFT_OUT]
MEGABYTES = 15


@pytest.fixture(scope="module")
def file(_built, tmp_path_factory):
    made = tmp_path_factory.mktemp("pdf") / pdf.NAME
    # In a process of its own: this one may be driving a browser already.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(pdf.write, SITE, made, BOOK).result()
    return made


@pytest.fixture(scope="module")
def reader(file):
    return PdfReader(file)


@pytest.fixture(scope="module")
def text(reader):
    return letters("".join(page.extract_text() for page in reader.pages))


def letters(words):
    """A text without what typography changes: signs, spaces, ligatures."""
    plain = unicodedata.normalize("NFKC", words)
    return "".join(filter(str.isascii, filter(str.isalnum, plain)))


def read(page):
    return BeautifulSoup((SITE / f"{page}.html").read_text(encoding="utf-8"), "html.parser")


def test_every_chapter_is_bookmarked_in_order_and_begins_on_the_page_that_the_contents_say(reader):
    chapters = [mark for mark in reader.outline if not isinstance(mark, list)][1:]
    titles = [read(page).h1.get_text().strip().removesuffix("#") for page in BOOK]
    assert [letters(mark.title) for mark in chapters] == [letters(title) for title in titles]
    contents = reader.pages[1].extract_text().replace("\n", " ")
    for mark, title in zip(chapters, titles, strict=True):
        assert f"{title} {reader.get_destination_page_number(mark) + 1}" in contents


def test_every_figure_of_the_pages_is_in_it_with_its_number_and_caption(text):
    for page in BOOK:
        for figure in read(page).select("article figure[id]"):
            number, caption = (
                figure.select_one(".caption-number"),
                figure.select_one(".caption-text"),
            )
            for formula in caption.select(".math"):
                formula.replace_with("\0")
            first, *others = map(letters, caption.get_text().split("\0"))
            for piece in (letters(number.get_text()) + first, *others):
                assert piece in text, f"{figure['id']} of {page}"


def test_it_has_as_many_pictures_as_the_pages(reader):
    on_pages = sum(len(read(page).select("article img")) for page in BOOK)
    drawn = sum(
        1
        for element in _structure(reader.trailer["/Root"]["/StructTreeRoot"])
        if element.get("/S") == "/Figure"
    )
    assert drawn >= on_pages


def _structure(element):
    yield element
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        kid = kid.get_object()
        if hasattr(kid, "get"):
            yield from _structure(kid)


def test_its_links_lead_to_places_in_it_or_outside(reader):
    places, count = set(reader.named_destinations), 0
    for page in reader.pages:
        for note in page.get("/Annots", []):
            note = note.get_object()
            if "/Dest" in note:
                assert str(note["/Dest"]) in places
                count += 1
            elif "/A" in note:
                assert not str(note["/A"].get("/URI", "")).startswith("file:")
    assert count > len(BOOK)


def test_it_is_light_and_says_nothing_of_what_only_a_screen_shows(file, text):
    assert file.stat().st_size < MEGABYTES * 1e6
    assert "Showcodecellsource" not in text
    assert not (SITE / "book" / "_whole.html").exists()
