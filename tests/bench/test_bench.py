"""The benchmark measures what it says, and prints ratios that can be recomputed by hand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sdd import bench, data, engine, figures, findings
from sdd.bench import measure, methods, resources, tables, visits, weights
from sdd.engine.arranged import REORDER
from sdd.engine.leaves import GROUP
from sdd.findings import double_descent
from sdd.runs import store, sweep
from sdd.training import initial_weights

PLAN = measure.Plan(
    (5, 300),
    textbook=300,
    dense=300,
    repeats=2,
    chunks=(1_000,),
    on_the_spot=5,
    hidden=(2, 3),
    hidden_size=300,
)
ALONE = ["textbook", "dense, 1 core", "pair loop, 1 core", "engine, 1 core", "engine"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """On a busy machine, PyTorch's threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A profile of n = 300 and few steps, whose store is empty."""
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    p = replace(
        findings.PROFILES["quick"], name="tiny", n=300, sparsity=0.97, steps=60,
        sizes=((5, 1, 1), (300, 2, 1)), fresh=(),
    )  # fmt: skip
    monkeypatch.setitem(findings.PROFILES, "tiny", p)
    monkeypatch.setattr(double_descent, "KEPT_FROM", 300)
    return p


# --- Weights ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_weights_are_those_of_stored_runs_at_their_snapshots(tiny):
    sweep.train_missing(findings.specs("dataset-size", "tiny"), jobs=1, quiet=True)
    points = data.sample(300, 300, 0.97)
    found = weights.starts(tiny, points, None, 1, 0)
    run = next(
        store.load(s.name)
        for s in findings.specs("dataset-size", "tiny")
        if (s.data.T, s.data.seed) == (300, 0)
    )
    assert [s.step for s in found] == [3, 30, 60]
    assert {s.origin for s in found} == {"stored run"}
    for start, W in zip(found, run.snapshots["W"], strict=True):
        assert (start.W == W).all()
    rates = run.config.rates()
    assert [s.rate for s in found] == [rates[3], rates[30], rates[59]]
    (end,) = weights.starts(tiny, data.sample(5, 300, 0.97), None, 1, 0)
    assert end.step == 60


def test_without_a_run_weights_are_trained_here_or_taken_over_and_say_so(tiny, monkeypatch):
    monkeypatch.setattr(weights, "TRAINED", 50)
    monkeypatch.setattr(weights, "ON", 7)
    points = data.sample(300, 300, 0.97)
    (here,) = weights.starts(tiny, points, None, 1, 300)
    assert (here.step, here.origin) == (50, "trained 50 steps here")
    assert engine.loss(here.W, here.b, points) < engine.loss(*initial_weights(2, 300), points)
    (on,) = weights.starts(tiny, data.sample(400, 300, 0.97), here, 1, 300)
    assert on.step == 57
    assert "7 steps on" in on.origin
    assert 0 < np.abs(on.W - here.W).max() < 0.1


@pytest.mark.parametrize("m", [2, 3, 8])
def test_planted_weights_are_in_the_regime_they_are_named_after(m):
    points = data.sample(400, 1_000, 0.99)
    W, b = weights.planted(points, m, "generalising")[:2]
    lengths = np.sort(np.linalg.norm(W, axis=0))[::-1]
    few = 5 * m // 2
    np.testing.assert_allclose(lengths[:few], 0.8, rtol=1e-5)
    assert lengths[few] < 0.2
    assert (b > 0).all()
    W, b = weights.planted(points, m, "memorising")[:2]
    h = np.linalg.norm(engine.hidden(W, points), axis=1)
    assert h[: 10 * m].mean() > 2 * h[10 * m :].mean()
    assert (b < 0).all()
    active = engine.hidden(W, points) @ W + b > 0
    assert 0 < active.mean() < 0.2


# --- Methods ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_method_takes_the_same_step():
    points = data.sample(2_000, 300, 0.97)
    start = weights.Start(*initial_weights(2, 300))
    X = torch.from_numpy(points.to_dense())
    models = []

    class Kept(methods.ReLUOutput):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            models.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "ReLUOutput", Kept)
        methods.textbook(X, start).call(1)
        methods.textbook(X, start, rows=200).call(1)
    whole, parts = (m.W.detach().numpy() for m in models)
    np.testing.assert_allclose(parts, whole, atol=1e-8)
    np.testing.assert_allclose(models[0].W.grad, models[1].W.grad, rtol=1e-3, atol=1e-8)
    gradient = engine.loss_and_grad(start.W, start.b, points)[1] / points.n
    np.testing.assert_allclose(models[0].W.grad, gradient, rtol=1e-3, atol=1e-7)


def test_the_engine_is_timed_from_the_same_weights_every_time():
    points = data.sample(300, 300, 0.97)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        real = engine.advance

        def advance(state, points, rates, **more):
            seen.append((state.steps, len(rates), state.W.copy()))
            real(state, points, rates, **more)

        patch.setattr(methods.engine, "advance", advance)
        timed = methods.fast(points, weights.Start(*initial_weights(2, 300), 100, 1e-3), 1)
        timed.call(5)
        timed.call(3)
    assert [(at, count) for at, count, _ in seen] == [(100, 28), (128, 5), (128, 3)]
    assert (seen[1][2] == seen[2][2]).all()
    assert (seen[0][2] != seen[1][2]).any()
    assert timed.cycle == REORDER


def test_the_sparse_terms_can_be_timed_alone_and_visited_pairs_are_those_cut():
    points = data.sample(600, 1_000, 0.99)
    start = weights.Start(*initial_weights(2, 1_000))
    *sparse, visited = methods.sparse_terms(points, start)
    for method in sparse:
        method.call(1)
    cut = visits.partition(start.W, start.b, points)
    assert 0 < visited < 0.7 * 600 * 1_000
    assert visited == pytest.approx(cut.visited * 600 * 1_000, rel=0.01)


def test_costs_that_recur_are_shared_out_over_the_steps(monkeypatch):
    # 1 s at the start of every 100 steps, and 0.1 s a step: 0.11 s.
    clock = [0.0]

    def call(count):
        clock[0] += 1.0 + 0.1 * count

    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    timer = measure._Timer(methods.Method(call, 100))
    assert timer.count < 100
    assert timer() == pytest.approx(0.11)
    assert measure._Timer(methods.Method(call, 100), least=1e6)() == pytest.approx(0.11)
    assert measure._Timer(methods.Method(call))() == pytest.approx(1.1)


# --- Pictures -----------------------------------------------------------------------------------


def test_the_partition_is_right_about_every_pair():
    points = data.sample(700, 1_000, 0.99)
    W, b = initial_weights(2, 1_000)
    b = b + np.linspace(-0.05, 0.05, 1_000).astype(np.float32)
    found = visits.partition(W, b, points)
    assert len(found.boxes) == math.ceil(700 / found.leaf)
    assert found.sides.shape == (len(found.boxes), math.ceil(1_000 / GROUP))
    assert sorted(map(tuple, found.lines)) == sorted(map(tuple, np.vstack([W, b]).T.astype(float)))
    active = found.points @ found.lines[:, :2].T + found.lines[:, 2] > 0
    seen = set()
    for k, sides in enumerate(found.sides):
        rows = slice(k * found.leaf, (k + 1) * found.leaf)
        low = found.boxes[k, :2]
        assert (found.points[rows] >= low).all()
        assert (found.points[rows] <= low + found.boxes[k, 2:] + 1e-12).all()
        for g, side in enumerate(sides):
            pairs = active[rows, g * GROUP : (g + 1) * GROUP]
            if side != visits.CUT:
                assert (pairs == (side == visits.ACTIVE)).all()
                assert not found.cut[k, g * GROUP : (g + 1) * GROUP].any()
            seen.add(side)
        mixed = active[rows].any(0) & ~active[rows].all(0)
        assert found.cut[k][mixed].all()
    assert seen == {visits.SILENT, visits.ACTIVE, visits.CUT}
    assert 0 < found.visited < 1


# --- Results ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_measurement_has_every_method_at_its_sizes(tiny, monkeypatch):
    monkeypatch.setattr(weights, "TRAINED", 50)
    found = bench.measured(PLAN, "tiny")
    assert [row["T"] for row in found["sizes"]] == [5, 300]
    small, large = found["sizes"]
    assert list(small["seconds"]) == ALONE
    assert list(large["seconds"]) == [*ALONE, "sparse terms, 1 core", "reading the data"]
    for row in found["sizes"]:
        for repeats in row["seconds"].values():
            assert len(repeats) == 2
            assert all(0 < seconds < 5 for seconds in repeats)
    assert small["visited"] == small["pairs"] == 5 * 300
    assert 0 < large["visited"] < large["pairs"]
    assert {(row["m"], row["regime"]) for row in found["hidden"]} == {
        (m, regime) for m in (2, 3) for regime in ("memorising", "generalising")
    }
    assert "Python 3" in found["machine"]
    assert "torch" in found["machine"]
    json.dumps(found)  # plain values only
    assert "5" in "\n".join(tables.lines(found))


def test_what_was_measured_is_kept_for_its_machine(tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(bench, "measured", lambda *what: asked.append(what) or {"turn": len(asked)})
    assert [bench.kept(PLAN, "tiny") for _ in range(2)] == [{"turn": 1}] * 2
    monkeypatch.setattr(bench, "_machine", lambda: "another")
    assert bench.kept(PLAN, "tiny") == {"turn": 2}
    assert asked == [(PLAN, "tiny")] * 2


def made_up():
    def row(T, seconds, visited):
        return {
            "T": T, "weights": "stored run", "step": 2_500, "by_step": {"2500": 0.004},
            "seconds": seconds, "pairs": 100 * T, "visited": visited,
        }  # fmt: skip

    first = {
        "textbook": [0.9, 0.8, 1.2],
        "pair loop, 1 core": [0.001, 0.001, 0.5],
        "engine, 1 core": [0.004, 0.004, 0.004],
        "engine": [0.002, 0.001, 0.009],
    }
    second = {
        "engine, 1 core": [0.016], "engine": [0.008],
        "sparse terms, 1 core": [0.006], "reading the data": [0.002],
    }  # fmt: skip
    return {
        "machine": "a machine", "profile": "paper", "n": 100, "cores": 2, "repeats": 3,
        "sizes": [row(1_000, first, 100_000), row(4_000, second, 40_000)],
        "hidden": [
            {"m": 3, "regime": "memorising", "T": 10,
             "seconds": {"textbook": [0.5], "engine, 1 core": [0.1], "engine": [0.3]}}
        ],
        "memory": [{"method": "engine", "T": 1_000, "megabytes": 1234.4}],
        "small_models": 8, "small_models_seconds": 2.5,
        "sweep": {"alone": 2.0, "busy": 3.0},
        "notes": ["a note"], "measured_in": 7.0,
    }  # fmt: skip


def test_the_table_holds_medians_spreads_and_ratios():
    out = list(tables.lines(made_up()))
    first, second = (next(row for row in out if row.split()[0] == T) for T in ("1,000", "4,000"))
    assert "900 (800..1,200)" in first
    assert "2.00 (1.00..9.00)" in first
    assert "450×" in first  # 0.9 s against 0.002 s
    assert "100.00%" in first
    assert "25%" in first  # 1 ms of 4 ms
    assert "10.00%" in second
    assert second.split()[-2:] == ["2%", "3.0"]  # 40,000 pairs at 1e8 a second, of 16 ms; 6 of 2
    text = "\n".join(out)
    for said in ("a machine", "5.0×", "MB of engine: 1,234", "8 small models: s: 2.5", "a note",
                 "1.50 times as long", "from T = 1,000 on: 1.00"):  # fmt: skip
        assert said in text


def test_the_summary_holds_what_was_measured_and_no_more():
    found = tables.summary(made_up())
    assert found == pytest.approx({
        "T = 1,000: textbook ÷ engine": 450.0,
        "T = 4,000: sparse terms ÷ reading the data": 3.0,
        "pairs visited grow as T to the power of": math.log(0.4) / math.log(4),
        "T = 1,000: MB of engine": 1234.4,
        "m = 3, memorising: textbook ÷ engine": 5.0,
        "8 small models: s": 2.5,
    })  # fmt: skip
    assert "  T = 1,000: textbook ÷ engine: 450" in list(tables.lines(made_up()))


@pytest.mark.slow
def test_products_of_matrices_are_timed_where_the_engine_goes_through_tiles():
    plan = replace(PLAN, hidden=(3, 8))
    p = replace(findings.PROFILES["quick"], n=300, sparsity=0.97)
    for row in measure.by_hidden(plan, p, 1):
        assert ("sgemm" in row["seconds"]) == (row["m"] == 8)


def test_results_and_figure_are_written_where_asked(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(bench, "measured", lambda plan: asked.append(plan) or made_up())
    target = tmp_path / "new" / "bench.json"
    bench.main(target, short=True)
    bench.main()
    assert asked == [bench.SHORT, bench.FULL]
    assert "450×" in capsys.readouterr().out
    assert json.loads(target.read_text(encoding="utf-8")) == made_up()
    assert "<svg" in target.with_suffix(".svg").read_text(encoding="utf-8")


def test_what_is_drawn_is_what_was_measured():
    drawn = bench.step_times(made_up()).set_index("method")
    assert list(drawn.loc["engine", "T"]) == [1_000, 1_000, 1_000, 4_000]
    assert list(drawn.loc["engine", "ms"]) == [2.0, 1.0, 9.0, 8.0]
    assert set(drawn.loc["textbook", "T"]) == {1_000}
    assert set(tables.ORDER) == set(figures.engine.LOOKS)
    assert len(set(figures.engine.LOOKS.values())) == len(tables.ORDER)


@pytest.mark.slow
def test_memory_is_that_of_a_step_and_grows_with_dense_data(tiny):
    sizes = (("textbook", 4_000), ("engine", 4_000))
    text, fast = (row["megabytes"] for row in resources.peak_megabytes(tiny, sizes))
    assert text > 4_000 * 300 * 4 / 1e6  # the data alone
    assert 0 <= fast < text


@pytest.mark.slow
def test_small_models_and_a_sweep_are_timed(tiny, monkeypatch):
    assert 0 < resources.small_models(tiny, 1) < 60
    monkeypatch.setattr(resources, "STEPS", 50)
    found = resources.beside_other_work(tiny, 1)
    assert min(found.values()) > 0
