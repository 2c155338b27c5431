"""The explorer on the built site: its address, keys and numbers, and what it does without data."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from browsing import CHAPTERS, SITE, open_page
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, Route

BUDGET = 2_000_000  # bytes: all data of the explorer
HERE = "book/explore.html"


def data(name: str) -> Any:
    """What the build wrote for the page, read without its scripts."""
    text = (SITE / "play" / f"{name}.js").read_text(encoding="utf-8")
    return json.loads(text.partition(",")[2].removesuffix(");\n"))


def rows(name: str) -> list[dict[str, Any]]:
    index = data("explore")
    series = next(s for s in index["series"] if s["name"] == name)
    return [dict(zip(index["columns"], row, strict=True)) for row in series["rows"]]


def filmed(name: str) -> dict[str, Any]:
    """The first training of a series with a film."""
    series = next(s for s in data("explore")["series"] if s["name"] == name)
    return rows(name)[series["films"][0]]


def state(page: Page) -> str:
    """The setting that is shown, once nothing is being loaded."""
    page.wait_for_load_state("networkidle")
    return page.locator(".play-box").get_attribute("data-state") or ""


def become(page: Page, setting: str) -> None:
    page.wait_for_function(
        "setting => document.querySelector('.play-box').dataset.state === setting", arg=setting
    )


def spoken(page: Page, words: str) -> str:
    page.wait_for_function(
        "words => document.querySelector('.spoken').textContent.includes(words)", arg=words
    )
    return page.locator(".spoken").inner_text()


@pytest.fixture
def explorer(browser: Browser, address: str) -> Iterator[Any]:
    """Opens the explorer at a setting; afterwards nothing must have gone wrong."""
    opened = []

    def at(setting: str = "") -> Page:
        page, problems = open_page(browser, address + HERE + setting, 1100, "light")
        opened.append((page, problems))
        page.locator(".play[data-ready]").wait_for()
        return page

    yield at
    for page, problems in opened:
        page.context.close()
        assert not problems


# --- State and address --------------------------------------------------------------------------


def test_an_address_of_a_training_opens_it_and_says_its_numbers(explorer: Any) -> None:
    runs = pd.read_csv(SITE / "data" / "fig-double-descent.csv", comment="#")
    finite = runs[runs["T"] < float("inf")]
    page = explorer()
    for T, of_T in list(finite.groupby("T"))[::3]:
        run = of_T.iloc[-1]
        setting = f"#T={T:.0f}&seed={run['data_seed']:.0f}"
        page.evaluate("hash => { location.hash = hash }", setting)
        become(page, setting)
        said = spoken(page, f"T = {T:,.0f}, training {len(of_T)} of {len(of_T)} on the mean")
        losses = [float(x) for x in re.findall(r"loss (\d+\.\d{4})", said)]
        assert losses == pytest.approx([run["test_loss"], run["train_loss"]], abs=0.6e-4)


ODD = (
    "#T=banana", "#T=-1&seed=x&reduction=zzz&step=-4&scale=huge", "#T=1e99&seed=1e9", "#T=&seed=",
    "#T=NaN&T=7", "#step=x", "#T=5&seed=", "#seed=%E0%A4%A",
)  # fmt: skip


def test_an_odd_address_opens_the_nearest_training_there_is(explorer: Any) -> None:
    known = [("inf" if r["T"] is None else str(r["T"]), str(r["data_seed"])) for r in rows("mean")]
    for asked in ("#what-to-try", ODD[0]):  # opened so, and below set so
        found = re.fullmatch(r"#T=(\w+)&seed=(\d+)", state(page := explorer(asked)))
        assert found
        assert found.groups() in known
    for asked in ODD:
        page.evaluate("hash => { location.hash = hash }", "#T=30")
        become(page, f"#T=30&seed={rows('mean')[0]['data_seed']}")
        page.evaluate("hash => { location.hash = hash }", asked)
        page.wait_for_timeout(200)
        found = re.fullmatch(r"#T=(\w+)&seed=(\d+)", state(page))
        assert found, asked
        assert found.groups() in known, asked


def test_a_seed_and_a_size_that_are_not_there_give_their_neighbours(explorer: Any) -> None:
    sizes = sorted({r["T"] for r in rows("mean") if r["T"]})
    T = sizes[-2]
    seeds = [r["data_seed"] for r in rows("mean") if r["T"] == T]
    assert state(explorer(f"#T={T + 1}&seed={max(seeds) + 50}")) == f"#T={T}&seed={max(seeds)}"


def test_back_and_forward_lead_through_where_the_slider_rested(explorer: Any) -> None:
    page = explorer("#T=5")
    first = state(page)
    slider = page.get_by_role("slider", name="Data points")
    slider.focus()
    stops = [first]
    for _ in range(2):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "last => document.querySelector('.play-box').dataset.state !== last", arg=stops[-1]
        )
        stops.append(state(page))
    for stop in (stops[1], first):
        page.go_back()
        become(page, stop)
    page.go_forward()
    become(page, stops[1])
    assert page.evaluate("location.hash") == stops[1]


def test_what_is_shown_while_the_slider_is_dragged_is_no_place_to_go_back_to(explorer: Any) -> None:
    page = explorer("#T=5")
    first = state(page)
    page.evaluate("""() => {
        const slider = document.querySelector("#explore-T");
        for (const value of [3, 5, 7]) {
            slider.value = value;
            slider.dispatchEvent(new Event("input"));
        }
        slider.dispatchEvent(new Event("change"));
    }""")
    page.wait_for_function(
        "last => document.querySelector('.play-box').dataset.state !== last", arg=first
    )
    assert page.evaluate("location.hash") == state(page)
    page.go_back()
    become(page, first)


def test_every_link_to_a_setting_in_the_book_opens_what_it_asks_for(explorer: Any) -> None:
    links = set()
    for name in CHAPTERS:
        text = (SITE / name).read_text(encoding="utf-8")
        found = BeautifulSoup(text, "html.parser").select('a[href*="explore.html#"]')
        links |= {a["href"].partition("#")[2] for a in found}
    settings = {link for link in links if "=" in link}
    assert len(settings) >= 6
    page = explorer()
    for setting in sorted(settings):
        page.evaluate("hash => { location.hash = hash }", setting)
        asked = dict(part.split("=") for part in setting.split("&"))
        page.wait_for_function(
            """asked => {
                const now = document.querySelector(".play-box").dataset.state;
                const shown = new URLSearchParams(now.slice(1));
                return Object.entries(asked).every(([key, value]) => shown.get(key) === value);
            }""",
            arg=asked,
        )


# --- Keys, touch, film --------------------------------------------------------------------------


def test_the_space_bar_plays_a_film_and_stops_it(explorer: Any) -> None:
    film = filmed("near-misses")
    page = explorer(f"#T={film['T']}&seed={film['data_seed']}&reduction=near-misses")
    page.get_by_role("slider", name="Data points").focus()
    page.keyboard.press("Space")
    page.wait_for_function("/step=/.test(location.hash)")
    assert page.get_by_role("button", name="Pause").is_visible()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    resting = page.evaluate("location.hash")
    page.wait_for_timeout(600)
    assert page.evaluate("location.hash") == resting


def test_a_film_is_chosen_from_the_list_and_back_leads_to_where_one_was(explorer: Any) -> None:
    page = explorer("#T=3&reduction=sum")
    first = state(page)
    page.get_by_label("Films of trainings").select_option(index=1)
    page.get_by_role("button", name="Play").wait_for()
    assert page.evaluate("location.hash") == state(page) != first
    page.go_back()
    become(page, first)


def test_a_step_of_a_film_has_the_losses_that_were_stored(explorer: Any) -> None:
    film = filmed("near-misses")
    T, seed = film["T"], film["data_seed"]
    frames = data(f"explore-near-misses-{T}-film-{seed}")
    k = len(frames["step"]) // 2
    page = explorer(f"#T={T}&seed={seed}&reduction=near-misses&step={frames['step'][k] + 1}")
    said = spoken(page, f"at step {frames['step'][k]:,}")
    assert f"test loss {frames['test'][k]:.4f}, training loss {frames['train'][k]:.4f}" in said


def test_where_less_motion_is_wanted_the_button_goes_a_step_at_a_time(
    browser: Browser, address: str
) -> None:
    film = filmed("near-misses")
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}{HERE}#T={film['T']}&seed={film['data_seed']}&reduction=near-misses")
    page.locator(".play[data-ready]").wait_for()
    steps = data(f"explore-near-misses-{film['T']}-film-{film['data_seed']}")["step"]
    for step in steps[:2]:
        page.get_by_role("button", name="Next step").click()
        page.wait_for_function(f"/step={step}$/.test(location.hash)")
    page.wait_for_timeout(600)
    assert page.evaluate("location.hash").endswith(f"step={steps[1]}")
    context.close()


def test_every_control_has_a_name(explorer: Any) -> None:
    page = explorer()
    for control in page.locator(".play-box :is(input, select, button)").all():
        if control.is_visible():
            name = control.evaluate(
                "e => e.ariaLabel || [...e.labels].map(l => l.textContent).join() || e.textContent"
            )
            assert name.strip(), control.evaluate("e => e.outerHTML")


def test_a_data_point_is_told_with_its_features_and_what_comes_back(explorer: Any) -> None:
    page = explorer("#T=5")
    page.get_by_role("slider", name="Data point to tell of").focus()
    page.keyboard.press("ArrowRight")
    told = page.locator(".told")
    assert told.inner_text().startswith("Data point 2: length ")
    shown = [float(x) for x in told.locator("td:nth-child(2)").all_inner_texts()]
    back = [float(x) for x in told.locator("td:nth-child(3)").all_inner_texts()]
    assert shown == sorted(shown, reverse=True)
    assert sum(x**2 for x in shown) == pytest.approx(1, abs=0.05)  # points have unit norm
    assert back == pytest.approx(shown, abs=0.1)  # five points are memorised
    page.locator(".of-columns canvas").hover()
    assert told.inner_text().startswith("Feature ")


def test_the_parts_of_a_loss_are_those_of_the_training_and_sum_to_it(explorer: Any) -> None:
    row = next(r for r in rows("mean") if r["T"] == 30 and r["false_firing"] is not None)
    page = explorer(f"#T=30&seed={row['data_seed']}")
    texts = page.locator("text[data-part]").all()
    shown = {
        t.get_attribute("data-part"): float((t.text_content() or "").replace("−", "-"))
        for t in texts
    }
    costs = {
        "constant_gain": -row["constant_gain"],
        "feature_gain": -row["feature_gain"],
        "false_firing": row["false_firing"],
    }
    assert shown == pytest.approx(costs | {"total": sum(costs.values())}, abs=0.6e-5)
    said = page.locator(".view.parts p").inner_text()
    assert f"with these {row['test_loss']:.4f}" in said


# --- Data ---------------------------------------------------------------------------------------


def half_missing(route: Route) -> None:
    """Refuse the vectors of every other size, and all films."""
    name = route.request.url.rpartition("/")[2]
    sizes = sorted(path.name for path in (SITE / "play").glob("explore-*.js"))
    missing = "film" in name or (name in sizes and sizes.index(name) % 2)
    route.abort() if missing else route.continue_()


def test_with_half_of_the_data_missing_a_sentence_stands_where_the_view_would(
    browser: Browser, address: str
) -> None:
    context = browser.new_context()
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/play/explore-*.js", half_missing)
    page.goto(address + HERE)
    page.locator(".play[data-ready]").wait_for()
    said = set()
    for T in sorted({r["T"] for r in rows("mean") if r["T"]}):
        page.evaluate("T => { location.hash = `#T=${T}` }", T)
        page.wait_for_function(
            "T => document.querySelector('.play-box').dataset.state.startsWith(`#T=${T}&`)", arg=T
        )
        place = page.locator(".view.plane .place")
        canvas = place.locator("canvas").first.is_visible()
        sentence = place.locator(".missing").all_inner_texts()
        assert len(sentence) == (0 if canvas else 1)
        said |= set(sentence)
        assert page.locator(".view.curve svg").is_visible()
    assert said
    assert all(text.count(".") >= 1 and "missing" in text for text in said)
    assert not errors
    context.close()


def test_without_its_index_the_page_keeps_what_stands_in_for_it_and_says_why(
    browser: Browser, address: str
) -> None:
    context = browser.new_context()
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/play/explore.js", lambda route: route.abort())
    page.route("**/_static/play/explore.js*", lambda route: route.continue_())
    page.goto(address + HERE)
    page.get_by_role("alert").wait_for()
    assert "play/explore.js, are missing" in page.get_by_role("alert").inner_text()
    assert page.locator(".play-words").is_visible()
    assert not errors
    context.close()


def test_it_works_from_the_disk_without_a_server(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((SITE / HERE).as_uri() + "#T=30")
    page.locator(".play[data-ready]").wait_for()
    become(page, f"#T=30&seed={rows('mean')[0]['data_seed']}")
    assert page.locator(".of-hidden canvas").is_visible()
    assert not errors
    context.close()


def test_the_home_page_loads_the_index_and_one_size_and_leads_on_with_its_setting(
    browser: Browser, address: str
) -> None:
    context = browser.new_context()
    page, loaded = context.new_page(), []
    page.on("request", lambda r: "/play/" in r.url and loaded.append(r.url))
    page.goto(address + "book/intro.html")
    page.locator(".play[data-ready]").wait_for()
    assert len([url for url in loaded if "_static" not in url]) == 2
    page.get_by_role("slider", name="Data points").focus()
    page.keyboard.press("Home")
    smallest = min(r["T"] for r in rows("mean") if r["T"])
    page.wait_for_function(
        "T => document.querySelector('.play-box').dataset.state.startsWith(`#T=${T}&`)",
        arg=smallest,
    )
    assert page.evaluate("location.hash") == ""
    page.get_by_role("link", name="Open this in the explorer").click()
    page.wait_for_url(re.compile(rf"explore\.html#T={smallest}&seed="))
    context.close()


def test_the_home_pages_figure_stands_in_for_the_explorer_and_is_shown_when_asked_for(
    browser: Browser, address: str
) -> None:
    for script in (False, True):
        context = browser.new_context(java_script_enabled=script)
        page = context.new_page()
        page.goto(address + "book/intro.html")
        if script:
            page.locator(".play[data-ready]").wait_for()
        assert page.locator("#fig-home-descent").is_visible() != script
        page.locator('main p > a[href="#fig-home-descent"]:not(.headerlink)').last.click()
        assert page.locator("#fig-home-descent").is_visible()
        context.close()


def test_all_its_data_are_within_their_budget() -> None:
    files = list((SITE / "play").glob("explore*.js"))
    assert files
    assert sum(path.stat().st_size for path in files) <= BUDGET
