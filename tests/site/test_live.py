"""The live model is that of `sdd`, says what `sdd` says, and can be played with."""

import base64
import math

import numpy as np
import play_site
import pytest
from browsing import open_page
from playwright.sync_api import expect

import sdd
from sdd.findings import live
from sdd.measures import arrangements
from sdd.training import initial_weights

LIVE = play_site.ASSETS / "live"
N, S = 1_000, 0.99
WORDS = "arrangement, circles, dimensionality, sayFeatures, sayPoints, widestGap"


@pytest.fixture(scope="module")
def scripts(browser, tmp_path_factory):
    """A page with what the modules export, and functions that use it, as window.live."""
    main = tmp_path_factory.mktemp("live") / "main.js"
    main.write_text(
        f"""import {{ Trainer }} from "{LIVE}/trainer.js";
import {{ batches, weights }} from "{LIVE}/rows.js";
import {{ {WORDS} }} from "{LIVE}/words.js";
const plain = ({{ start, index, value }}) => [start, index, value].map(a => Array.from(a));
const train = ({{ W, records, ...rest }}) => {{
  const losses = [], rows = batches(rest);
  const trainer = new Trainer({{ ...rest, W: Float64Array.from(W), rows }});
  for (const step of records) {{
    trainer.advance(step - trainer.step);
    losses.push(trainer.errors().reduce((sum, x) => sum + x, 0) / trainer.T);
  }}
  const {{ W: w, b }} = trainer.weights();
  return {{ losses, W: Array.from(w), b: Array.from(b), woken: trainer.woken }};
}};
globalThis.live = {{ train, plain, batches, weights, {WORDS} }};
""",
        encoding="utf-8",
    )
    page = browser.new_page()
    page.add_script_tag(content=play_site.bundle(main))
    yield page
    page.close()


# --- The same mathematics -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 3, 71])
def test_training_points_are_those_that_sdd_draws(scripts, seed):
    for T in (1, 8, 100):
        settings = {"T": T, "n": N, "sparsity": S, "seed": seed}
        found = scripts.evaluate("s => live.plain(live.batches(s)(0))", settings)
        data = sdd.sample(T, N, S, seed=seed)
        for ours, theirs in zip(found, (data.indptr, data.indices, data.values), strict=True):
            assert np.array_equal(np.array(ours), theirs)


def test_fresh_points_are_those_that_sdd_draws(scripts):
    settings = {"batch": 100, "n": N, "sparsity": S, "seed": 5}
    draw = "s => live.plain(live.batches({ ...s, T: Infinity })(1234))"
    data = sdd.stream(100, n=N, sparsity=S, seed=5).at(1234)
    for ours, theirs in zip(
        scripts.evaluate(draw, settings), (data.indptr, data.indices, data.values), strict=True
    ):
        assert np.array_equal(np.array(ours), theirs)


def same(scripts, T, **settings):
    """Train by sdd and in the page; return both, and the settings of the first."""
    data = sdd.sample(T, N, S, seed=2) if T < math.inf else sdd.stream(50, n=N, sparsity=S, seed=2)
    config = sdd.TrainConfig(**{"steps": 2_000, "seed": 200, "dtype": "float64"} | settings)
    run = sdd.train(data, config)
    found = scripts.evaluate(
        "s => live.train({ ...s, T: s.T ?? Infinity })",
        {
            "T": T if T < math.inf else None, "batch": 50, "n": N, "sparsity": S, "seed": 2,
            "W": initial_weights(2, N, config.seed, dtype="float64")[0].ravel().tolist(),
            "records": run.history["step"].astype(int).tolist(), "steps": config.steps,
            "lr": config.lr, "decay": config.weight_decay,
            "eps": run.config.eps * (N if config.reduction == "mean" else 1),
        },
    )  # fmt: skip
    found = {name: np.array(value) for name, value in found.items()}
    return run, found, (data, config)


def apart(run, found):
    return max(np.abs(found["W"] - run.W.ravel()).max(), np.abs(found["b"] - run.b).max())


@pytest.mark.parametrize(("reduction", "eps"), [("mean", None), ("sum", 1e-4)])
@pytest.mark.parametrize("T", [5, 8, 30, 100, math.inf])
def test_losses_and_weights_are_those_of_sdd_in_double_precision(scripts, T, reduction, eps):
    run, found, _ = same(scripts, T, reduction=reduction, eps=eps)
    assert np.abs(found["losses"] - run.history["loss"]).max() < 1e-6
    assert apart(run, found) < 1e-6


@pytest.mark.parametrize("T", [5, 8, 30, math.inf])
def test_with_the_small_epsilon_of_the_sum_losses_are_those_of_sdd(scripts, T):
    """There a step is lr / ε times a gradient that is nearly zero, and rounding grows.

    Weights cannot agree better than those of sdd with its own, from a start one rounding away.
    """
    run, found, (data, config) = same(scripts, T, reduction="sum")
    W, b = initial_weights(2, N, config.seed, dtype="float64")
    W[0] *= 1 + 2**-51
    twin = sdd.train(data, config, init=(W, b))
    assert np.abs(found["losses"] - run.history["loss"]).max() < 1e-6
    assert apart(run, found) < 1e-6 + 10 * np.abs(twin.W - run.W).max()


def test_features_that_slept_are_where_sdd_has_them(scripts):
    """Late in a training on five points most features have slept, and have been woken."""
    run, found, _ = same(scripts, 5, steps=8_000)
    assert found["woken"] > 500
    assert np.abs(found["losses"] - run.history["loss"]).max() < 1e-6
    assert apart(run, found) < 1e-6


def test_the_page_begins_where_trainings_of_sdd_begin():
    given = live.content()
    weights = np.frombuffer(base64.b64decode(given["weights"]["f64"]))
    weights = weights.reshape(given["weights"]["shape"])
    for seed, W in zip(given["seeds"], weights, strict=True):
        assert np.array_equal(W, initial_weights(2, N, given["apart"] * seed, dtype="float64")[0])


# --- The same words -----------------------------------------------------------------------------


def test_arrangements_are_named_as_sdd_names_them(scripts):
    rng = np.random.default_rng(0)
    names = {"ring": arrangements.RING, "off": arrangements.OFF, "two": arrangements.TWO,
             "fan": arrangements.FAN}  # fmt: skip
    seen = set()
    for T in (2, 3, 4, 5, 6, 7, 8) * 20:
        angles, lengths = (
            rng.uniform(0, rng.choice([3, 2 * math.pi]), T),
            rng.choice([1, 1.1, 2], T),
        )
        H = lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        found = scripts.evaluate(
            "h => [live.arrangement(h, 1.25).kind, live.circles(h, 1.25), live.widestGap(h),"
            " live.dimensionality(h)]",
            H.tolist(),
        )
        assert names[found[0]] == arrangements.kind(H, 1.25)
        assert found[1] == arrangements.circles(H, 1.25).tolist()
        assert found[2] == pytest.approx(arrangements.widest_gap(H))
        assert found[3] == pytest.approx(sdd.dimensionality(H))
        seen.add(found[0])
    assert seen == set(names)


def ring(count, radius=1.0, turn=0.0):
    angles = 2 * np.pi * np.arange(count) / count + turn
    return (radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)).tolist()


@pytest.mark.parametrize(
    ("vectors", "errors", "words"),
    [
        (ring(5), [0.0] * 5, "All five points memorised: a regular pentagon."),
        (ring(20)[:6] + ring(4, 0.5)[2:4], [0.0] * 8,
         "All eight points memorised: a fan of six with two inside."),
        (ring(20)[:6] + ring(4, 0.5)[2:4], [0.0] * 6 + [0.3, 0.9],
         "Six of eight points memorised, one more in part: a fan of six with two inside."),
        (ring(3) + ring(3, 0.2), [0.9] * 6,
         "None of six points memorised: two circles, of three and three."),
        (ring(1), [0.0], "The one point memorised: one vector."),
    ],
)  # fmt: skip
def test_a_result_is_said_in_words(scripts, vectors, errors, words):
    rules = live.content()["rules"]
    assert scripts.evaluate("a => live.sayPoints(...a)", [vectors, errors, rules]) == words


def test_features_that_stand_out_are_counted(scripts):
    rules = live.content()["rules"]
    faint = (0.001 * np.random.default_rng(0).normal(size=(995, 2))).tolist()
    assert scripts.evaluate("a => live.sayFeatures(...a)", [ring(5) + faint, rules]) == (
        "Five features stand out, at nearly equal angles: a pentagon."
    )
    assert (
        scripts.evaluate("a => live.sayFeatures(...a)", [faint, rules]) == "No feature stands out."
    )


# --- The page -----------------------------------------------------------------------------------


@pytest.fixture
def piece(browser, address):
    """Open the chapter at a setting; what went wrong is looked at in the end."""
    opened = []

    def open_at(setting="", width=1100, **context):
        page, problems = open_page(browser, f"{address}book/live.html{setting}", width, "light")
        page.wait_for_selector("[data-play=live][data-ready]")
        opened.append((page, problems))
        return page

    yield open_at
    for page, problems in opened:
        assert problems == []
        page.context.close()


SAID, COUNT = ".live-said", ".live-count"


def test_an_address_is_trained_to_its_end_and_said_in_words(piece):
    page = piece("#T=5&seed=2&lr=0.01&steps=3000")
    expect(page.locator(COUNT)).to_contain_text("step 0 of 3,000")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(COUNT)).to_contain_text("step 3,000 of 3,000", timeout=60_000)
    run = sdd.train(
        sdd.sample(5, N, S, seed=2),
        sdd.TrainConfig(steps=3_000, lr=0.01, seed=200, dtype="float64"),
    )
    kept = int((run.errors() <= 1 / 10).sum())
    expect(page.locator(SAID)).to_contain_text("All five" if kept == 5 else "of five")
    said = float(page.locator(COUNT).inner_text().rsplit(" ", 1)[1])
    assert said == pytest.approx(run.train_loss, rel=0.06, abs=6e-5)


def test_settings_are_in_the_address_and_back_brings_them_back(piece):
    page = piece("#T=8&seed=3&steps=100")
    T = page.get_by_label("T, training points")
    assert (T.input_value(), page.get_by_label("seed").input_value()) == ("8", "3")
    T.focus()
    page.keyboard.press("ArrowRight")
    assert "T=9&seed=3" in page.url
    T.fill("101")
    assert "T=inf" in page.url
    assert T.get_attribute("aria-valuetext") == "∞"
    page.go_back()
    page.go_back()
    assert T.input_value() == "8"


def test_odd_addresses_give_the_nearest_setting(piece):
    page = piece("#T=1e9&seed=-4&lr=x&decay=-1&eps=7&steps=3.4")
    labels = ("T, training points", "seed", "weight decay")
    assert [page.get_by_label(label).input_value() for label in labels] == ["101", "0", "-4"]
    expect(page.locator(COUNT)).to_contain_text("step 0 of 100")


def test_step_pause_and_again(piece):
    page = piece("#T=8&steps=50000")
    page.get_by_role("button", name="Step").click()
    expect(page.locator(COUNT)).to_contain_text("step 1 of")
    page.get_by_label("speed").select_option("100")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(SAID)).to_contain_text("At step")
    page.get_by_role("button", name="Again", exact=True).click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".live-before")).to_contain_text("Before")


def test_marks_set_epsilon_to_that_of_the_mean_and_of_the_sum(piece):
    page, eps = piece("#T=5&steps=100"), live.content()["eps"]
    for name in ("sum", "mean"):
        page.get_by_role("button", name=name, exact=True).click()
        assert f"&eps={eps[name]:g}".replace("e-07", "e-7") in page.url


def test_a_point_is_shown_beside_its_output(piece):
    page = piece("#T=8&seed=0&steps=100")
    page.get_by_label("point", exact=True).fill("3")
    data = sdd.sample(8, N, S, seed=0)
    active = set(data.indices[data.indptr[2] : data.indptr[3]].tolist())
    bars = page.locator("svg[aria-label^='Point 3: ']").get_attribute("aria-label")
    assert all(f"feature {j} is" in bars for j in active)


def test_without_its_data_there_is_one_sentence(browser, address):
    page = browser.new_page()
    page.route(
        "**/play/live.js", lambda r: r.fallback() if "_static" in r.request.url else r.abort()
    )
    page.goto(f"{address}book/live.html")
    expect(page.get_by_role("alert")).to_contain_text("This cannot be played with here")
    page.close()
