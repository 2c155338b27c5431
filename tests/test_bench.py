"""The benchmark measures what it says, and prints ratios that can be recomputed by hand."""

import json

import pytest

from sdd import bench

CONTENDERS = ["textbook", "engine", "engine, 1 core", "pair loop, 1 core"]


@pytest.fixture(scope="module")
def tiny():
    return bench.measure(sizes=(5,), n=200)


def test_measure_times_every_contender_at_every_size(tiny):
    assert {"machine", "peak_MB", "steps"} <= set(tiny)
    (row,) = tiny["steps"]
    assert (row["T"], row["n"]) == (5, 200)
    assert list(row["seconds"]) == CONTENDERS
    for repeats in row["seconds"].values():
        assert len(repeats) == bench.REPEATS
        assert all(0 < seconds < 1 for seconds in repeats)


def test_measure_says_where_it_ran_and_what_a_small_run_takes(tiny):
    assert "Python 3" in tiny["machine"]
    assert "torch" in tiny["machine"]
    assert 50 < tiny["peak_MB"] < 50_000
    assert 0 < tiny["T10_run_seconds"] < 60
    json.dumps(tiny)  # plain values only


def test_the_engine_beats_the_textbook_even_on_a_tiny_problem(tiny):
    (row,) = tiny["steps"]
    fastest = {name: min(repeats) for name, repeats in row["seconds"].items()}
    assert fastest["engine, 1 core"] < fastest["textbook"] / 2


def test_the_table_holds_medians_and_their_ratios(monkeypatch, capsys, tmp_path):
    seconds = {
        "textbook": [0.9, 0.8, 1.2],
        "engine": [0.002, 0.001, 0.009],
        "engine, 1 core": [0.004, 0.004, 0.004],
        "pair loop, 1 core": [0.003, 0.003, 0.5],
    }
    figures = {
        "machine": "a machine",
        "peak_MB": 1234.0,
        "steps": [{"T": 1_000, "n": 10_000, "seconds": seconds}],
        "T10_run_seconds": 2.5,
    }
    monkeypatch.setattr(bench, "measure", lambda: figures)
    target = tmp_path / "bench.json"
    bench.main(target)
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if line.split()[:1] == ["1,000"]]
    assert "900.00 ms" in row
    assert "450×" in row  # 0.9 s against 0.002 s
    assert "75%" in row  # 3 ms of 4 ms
    for word in ("a machine", "2.5 s", "1,234 MB"):
        assert word in out
    assert json.loads(target.read_text(encoding="utf-8")) == figures
