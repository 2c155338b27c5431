"""The small interactive pieces: they follow keys and drags, and say what `sdd` computes."""

import itertools
import json
from collections.abc import Iterator

import numpy as np
import pytest
from browsing import SITE, open_page
from playwright.sync_api import Browser, Locator, Page

from sdd.measures import arrangements
from sdd.measures.decomposition import Moments
from sdd.measures.refits import loss_of

PLACES = {"points": "optimisation", "dial": "epsilon", "volume": "bump"}


def data(name: str) -> dict:
    """What the build wrote for a piece."""
    text = (SITE / "play" / f"{name}.js").read_text(encoding="utf-8")
    return json.loads(text.partition(",")[2].removesuffix(");\n"))


def opened(browser: Browser, address: str, name: str, width: int = 1100) -> Iterator[Locator]:
    page, problems = open_page(
        browser, f"{address}book/{PLACES[name]}.html", width, "dark" if width < 500 else "light"
    )
    piece = page.locator(f'[data-play="{name}"]')
    page.wait_for_selector(f'[data-play="{name}"][data-ready]')
    yield piece
    assert not problems
    page.context.close()


@pytest.fixture
def points(browser: Browser, address: str) -> Iterator[Locator]:
    yield from opened(browser, address, "points")


@pytest.fixture
def dial(browser: Browser, address: str) -> Iterator[Locator]:
    yield from opened(browser, address, "dial")


@pytest.fixture
def volume(browser: Browser, address: str) -> Iterator[Locator]:
    yield from opened(browser, address, "volume")


def said(piece: Locator) -> str:
    return piece.get_by_role("status").inner_text()


def button(piece: Locator, name: str) -> Locator:
    return piece.get_by_role("button", name=name)


def vectors(points: Locator) -> np.ndarray:
    """Where the points are."""
    found = points.locator(".point").evaluate_all("all => all.map(p => [p.dataset.x, p.dataset.y])")
    return np.array(found, float)


def assert_as_sdd_has_it(points: Locator) -> None:
    hidden = vectors(points)
    pairs = json.loads(points.locator("svg").get_attribute("data-pairs") or "")
    wanted = [
        [one, two]
        for one, two in itertools.combinations(range(len(hidden)), 2)
        if arrangements.slack(hidden[[one, two]]) < -1e-9
    ]
    assert sorted(pairs) == wanted
    marked = points.locator(".point").evaluate_all(
        "all => all.map(p => p.classList.contains('breaks'))"
    )
    assert np.flatnonzero(marked).tolist() == sorted({k for pair in wanted for k in pair})
    if wanted:
        T = len(hidden)
        assert said(points).startswith(f"{len(wanted)} of {T * (T - 1) // 2} pairs break")
    else:
        assert said(points).startswith(f"No pair breaks the condition: all {len(hidden)} points")


def test_pairs_of_dragged_and_drawn_points_break_the_condition_where_sdd_says_so(
    points: Locator,
) -> None:
    assert_as_sdd_has_it(points)
    picture, mouse = points.locator("svg"), points.page.mouse
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    unit, rng = box["width"] / 8, np.random.default_rng(0)
    for k in rng.integers(0, 5, 12):
        x, y = vectors(points)[k]
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse.move(middle[0] + x * unit, middle[1] - y * unit)
        mouse.down()
        # One that lies on top takes the pointer where two coincide: these are far apart.
        x, y = rng.uniform(-2.5, 2.5, 2)
        mouse.move(middle[0] + x * unit, middle[1] - y * unit, steps=2)
        mouse.up()
        assert np.abs(vectors(points) - [x, y]).max(1).min() < 0.05, "no point has been dragged"
        assert_as_sdd_has_it(points)
    for _ in range(10):
        button(points, "Random").click()
        assert_as_sdd_has_it(points)


def test_polygons_and_fans_of_three_to_nine_points_memorise_them_all(points: Locator) -> None:
    while button(points, "Remove a point").is_enabled():
        button(points, "Remove a point").click()
    for T in range(3, 10):
        button(points, "Regular polygon").click()
        assert len(vectors(points)) == T
        assert arrangements.slack(vectors(points)) >= 0
        button(points, "Fan").click()
        assert arrangements.slack(vectors(points)) >= 0
        assert arrangements.kind(vectors(points)) == arrangements.FAN
        assert_as_sdd_has_it(points)
        if T < 9:
            button(points, "Add a point").click()
    assert button(points, "Add a point").is_disabled()


def test_a_point_is_chosen_with_tab_and_moved_with_the_arrow_keys(points: Locator) -> None:
    keys = points.page.keyboard
    button(points, "Add a point").focus()
    keys.press("Tab")
    keys.press("Tab")
    before = vectors(points)
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp", "Shift+ArrowUp"):
        keys.press(key)
    moved = vectors(points) - before
    assert np.allclose(moved[1], [-0.1, 0.21])
    assert not moved[[0, 2, 3, 4]].any()
    x, y = vectors(points)[1]
    label = points.locator(".point").nth(1).get_attribute("aria-label") or ""
    assert label.startswith(f"Point 2 at {x:.2f}, {y:.2f}")
    assert points.locator(".shade circle").count() == 1
    assert_as_sdd_has_it(points)


def test_the_dial_says_for_each_twin_and_epsilon_what_the_run_came_to(dial: Locator) -> None:
    stored, keys = data("dial"), dial.page.keyboard
    knob = dial.get_by_label("ε, from sum to mean")
    marks = dial.locator("svg text").all_text_contents()
    assert {"sum", "mean"} <= set(marks)
    for twin in stored["twins"]:
        dial.get_by_label("Training set").select_option(twin["name"])
        knob.focus()
        keys.press("Home")
        for ratio, run in zip(twin["ratios"], twin["runs"], strict=True):
            text = said(dial)
            loss = run["test_loss"]
            assert f"test loss {loss:,.3f}" in text or f"test loss {loss:,.1f}" in text
            assert f"‖W‖ {run['W_norm']:.1f}." in text
            assert f"{run['in_part']} of {run['T']:,} training points" in text
            assert ("do not stand" in text) != run["five_apart"]
            for name, mark in stored["marks"].items():
                assert (f"where the {name} is" in text) == (abs(np.log10(mark / ratio)) < 0.01)
            assert knob.get_attribute("aria-valuetext") == text.partition(":")[0]
            keys.press("ArrowRight")


def test_one_scale_for_all_epsilons_draws_the_vectors_of_the_mean_shorter(dial: Locator) -> None:
    knob, path = dial.get_by_label("ε, from sum to mean"), dial.locator("path.spokes").nth(1)
    height = "e => e.getBBox().height"
    knob.focus()
    dial.page.keyboard.press("End")
    own = path.evaluate(height)
    dial.get_by_label("one scale for all ε").check()
    assert path.evaluate(height) < own / 2


def test_the_volume_knob_gives_the_losses_of_scaled_outputs(volume: Locator) -> None:
    stored, knob = data("volume"), volume.get_by_role("slider", name="Volume")
    for k, point in enumerate(stored["points"]):
        volume.get_by_label("Test point, by its output").select_option(index=k)
        for level in (1, 0.37, 0):
            knob.fill(str(level))
            one, all_points = (
                loss_of(Moments(n=1, x=0, r=0, **{s: sums[s] for s in ("xx", "xr", "rr")}), level)
                for sums in (point, stored["mean"])
            )
            text = said(volume)
            assert f"squared error {one:,.3f}" in text or f"squared error {one:,.1f}" in text
            assert f"mean over all test points {all_points:.5f}" in text
        captions = volume.locator("figcaption").all_inner_texts()
        for sums, caption in zip((point, stored["mean"]), captions, strict=True):
            least = min(sums["xr"] / sums["rr"], 1)
            assert f"least at volume {least:.2f}" in caption
    knob.fill("1")
    knob.press("ArrowLeft")
    assert said(volume).startswith("Volume 0.99:")


@pytest.mark.parametrize("name", PLACES)
def test_on_a_phone_a_piece_fits_the_window_its_text_is_legible_and_what_it_says_is_spoken(
    browser: Browser, address: str, name: str
) -> None:
    for piece in opened(browser, address, name, width=390):
        edges = piece.locator(".play-box, .play-box *:not(svg *)").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect()).map(box => [box.left, box.right])"
        )
        assert min(left for left, _ in edges) >= 0
        assert max(right for _, right in edges) <= 390
        assert piece.locator(".play-words").is_hidden()
        assert said(piece)
        sizes = piece.locator("svg text").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().height)"
        )
        assert min(sizes, default=10) >= 9


@pytest.mark.parametrize("name", ["dial", "volume"])
def test_without_its_data_a_piece_says_so_in_a_sentence_and_its_words_stay(
    browser: Browser, address: str, name: str
) -> None:
    context = browser.new_context()
    page: Page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route(f"**/play/{name}.js", lambda route: _only_of_pages(route, name))
    page.goto(f"{address}book/{PLACES[name]}.html")
    alert = page.locator(f'[data-play="{name}"] [role=alert]')
    alert.wait_for()
    assert alert.inner_text().endswith(f"its data, play/{name}.js, are missing.")
    assert page.locator(f'[data-play="{name}"] .play-words').is_visible()
    assert not errors
    context.close()


def test_two_pieces_on_one_page_both_get_their_data(browser: Browser, address: str) -> None:
    page, problems = open_page(browser, f"{address}book/{PLACES['points']}.html", 1100, "light")
    page.evaluate("""names => names.forEach(name => {
        const place = document.createElement("div"), script = document.createElement("script");
        place.dataset.play = name;
        script.src = document.querySelector("script[src*='play/points.js']").src
            .replace("points", name);
        document.body.append(place, script);
    })""", ["dial", "volume"])  # fmt: skip
    for name in ("dial", "volume"):
        page.wait_for_selector(f'[data-play="{name}"][data-ready]')
    assert not problems
    page.context.close()


def _only_of_pages(route, name):
    """Refuse the data of a piece, not its script, which is in _static."""
    if f"_static/play/{name}.js" in route.request.url:
        route.continue_()
    else:
        route.abort()
