"""The tables of experiments hold what the paper trained, and small twins stand for it."""

import inspect
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sdd import paper
from sdd.data import Dataset, DataSettings, sample
from sdd.findings import extensions
from sdd.findings.experiments import (
    EXPERIMENTS,
    PROFILES,
    like,
    profile,
    runs,
    source,
    spec,
    specs,
)
from sdd.runs import store, sweep
from sdd.runs.sweep import MissingRuns, RunSpec
from sdd.training import train
from sdd.training.config import TrainConfig

# Figure 3 of the paper, up to the largest size that the profile "paper" trains on.
SIZES = (3, 5, 6, 8, 10, 15, 30, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


def everything(of):
    return [s for name in EXPERIMENTS for s in specs(name, of)]


def of_the_paper(of):
    """The runs behind the paper's own figures F1 to F4."""
    return specs("dataset-size", of) + specs("fresh-data", of)


# --- The tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_every_run_of_every_profile_is_valid_and_listed_once(name):
    p, wanted = profile(name), everything(name)
    assert p.name == name
    assert len({s.name for s in wanted}) == len(set(wanted)) > 20
    for experiment in EXPERIMENTS:  # (two of them may share runs)
        own = specs(experiment, name)
        assert len(own) == len(set(own)), experiment
    for s in wanted:
        # Checks every setting anew.
        again = RunSpec(replace(s.data), replace(s.config), s.snapshots, s.start)
        assert again == s
    for s in of_the_paper(name):
        assert (s.data.n, s.data.sparsity) == (p.n, p.sparsity)
        assert (s.config.m, s.config.steps, s.config.reduction) == (2, p.steps, "mean")
        assert s.config.eps == p.eps == paper.rescaled_eps(p.n, p.sparsity)
        assert s.data.split == "train"


def test_the_paper_profile_trains_what_the_paper_trained():
    p, wanted = profile("paper"), of_the_paper("paper")
    assert (p.n, p.sparsity, p.steps) == (10_000, 0.999, 50_000)
    assert all(
        s.config == TrainConfig(seed=s.config.seed, restarts=s.config.restarts) for s in wanted
    )
    by_T = {}
    for s in wanted:
        by_T.setdefault(s.data.T, []).append(s)
    assert set(by_T) >= {*SIZES, math.inf}
    for T in SIZES:
        seeds = {s.data.seed for s in by_T[T]}
        assert len(seeds) == len(by_T[T])
        assert len(seeds) >= (4 if T <= 2_000 else 2 if T <= 10_000 else 1), T
        if T <= 30:
            assert all(s.config.restarts >= 4 for s in by_T[T]), T
    batches = {}
    for s in by_T[math.inf]:
        batches.setdefault(s.data.batch, set()).add(s.config.seed)
    assert len(batches) >= 2
    assert all(len(seeds) >= 2 for seeds in batches.values())


def test_the_full_profile_has_four_data_seeds_up_to_500_000():
    seeds = {}
    for s in of_the_paper("full"):
        seeds.setdefault(s.data.T, set()).add(s.data.seed)
    assert set(seeds) == {*paper.DATASET_SIZES, math.inf}
    assert all(len(found) == 4 for found in seeds.values())


def test_the_quick_profile_is_the_rescaled_problem():
    p = profile("quick")
    assert (p.n, p.sparsity) == (1_000, 0.99)
    assert p.eps == 1e-6
    sizes = {s.data.T for s in specs("dataset-size", "quick")}
    # Polygons keep their T, and every regime has its place at a tenth of the T.
    assert {3, 5, 6, 8, 10, 15, 30} <= sizes
    assert {p.size(T) for T in (500, 1_000, 2_000, 5_000, 10_000)} <= sizes
    assert {s.data.T for s in specs("fresh-data", "quick")} == {math.inf}


@pytest.mark.parametrize("name", PROFILES)
def test_no_two_data_seeds_share_a_parameter_seed(name):
    used = {}
    for s in of_the_paper(name):
        tried = range(s.config.seed, s.config.seed + s.config.restarts)
        used.setdefault((s.data.T, s.data.batch), []).extend(tried)
    assert all(len(seeds) == len(set(seeds)) for seeds in used.values())


def test_the_sizes_are_those_of_the_papers_axis():
    assert paper.DATASET_SIZES == (
        *SIZES,
        *(100_000, 200_000, 500_000),
    )


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_drawn_side_by_side_is_trained(name):
    p = profile(name)
    assert set(p.strip) <= {s.data.T for s in of_the_paper(name)}


@pytest.mark.parametrize("name", PROFILES)
def test_one_large_model_of_each_size_keeps_its_weights_early_halfway_and_at_the_end(name):
    found = {}
    for s in specs("dataset-size", name):
        bump = s.data.T == profile(name).size(2_000)
        large = (s.data.T >= 1_000 or bump) and s.data.seed == 0
        assert s.snapshots == ((2_500, 25_000, 50_000) if large else ())
        found[s.data.T] = found.get(s.data.T, 0) + bool(s.snapshots)
    bump = profile(name).size(2_000)
    assert {T for T, kept in found.items() if kept} == {T for T in found if T >= 1_000 or T == bump}
    assert sum(found.values()) >= 3


@pytest.mark.parametrize("name", PROFILES)
def test_every_run_beyond_the_body_has_its_eps_by_the_law_unless_eps_is_what_varies(name):
    free = {"eps-path", "eps-law", "small-problem"}
    for experiment in set(EXPERIMENTS) - free:
        for s in specs(experiment, name):
            # (Of the identity the sum takes n times the mean's ε, not its own.)
            reduction = "mean" if experiment == "identity" else s.config.reduction
            eps = paper.rescaled_eps(s.data.n, s.data.sparsity, reduction=reduction)
            if experiment == "identity" and s.config.reduction == "sum":
                eps *= s.data.n
            assert s.config.eps == eps, (experiment, s)
    rescaled = paper.rescaled_eps(1_000, 0.99)
    assert {s.config.eps for s in specs("small-problem", name)} == {paper.EPS, rescaled}


def test_eps_is_turned_over_at_least_seven_decades_from_beyond_the_sum_to_beyond_the_mean():
    for name in ("paper", "full"):
        for T in (200, 1_000):
            found = sorted({s.config.eps for s in specs("eps-path", name) if T == s.data.T})
            assert found[0] == 1e-8
            assert found[-1] / found[0] >= 1e7 * (1 - 1e-9)
        laws = {(s.data.n, s.data.sparsity) for s in specs("eps-law", name)} | {(1_000, 0.99)}
        assert laws == set(extensions.LAWS)
        for n, S in laws:
            assert n * (1 - S) == pytest.approx(10)  # active features a row, everywhere


def test_the_map_and_the_appendix_have_the_sizes_promised():
    cells = {(s.data.T, s.config.m) for s in specs("width", "paper")}
    ms, sizes = {m for _, m in cells}, {T for T, _ in cells}
    assert len(cells) == len(ms) * len(sizes) >= 140
    assert (min(ms), max(sizes), min(sizes)) == (1, 3_000, 10)
    assert max(ms) >= 30
    assert len(specs("width", "paper")) == 2 * len(cells)
    decays = {s.config.weight_decay for s in specs("weight-decay", "paper")}
    assert {0.001, 1.0} <= decays
    assert len({s.config.steps for s in specs("steps", "paper")}) >= 5
    for s in specs("weight-decay", "full") + specs("steps", "full"):
        assert (s.config.m, s.data.n, s.data.sparsity) == (4, paper.N, paper.SPARSITY)


def test_points_of_planted_polygons_share_no_feature():
    for s in specs("planted-polygons", "paper"):
        data = s.data.make()
        assert np.bincount(data.indices).max() == 1
        assert (np.diff(data.indptr) > 0).all()


def test_every_experiment_says_what_it_is():
    for make in EXPERIMENTS.values():
        assert inspect.getdoc(make)


# --- Asking for runs ----------------------------------------------------------------------------


def test_the_profile_is_that_of_the_environment_and_paper_without_one(monkeypatch):
    monkeypatch.setenv("PROFILE", "quick")
    assert profile().name == "quick"
    assert spec(10).data.n == 1_000
    assert specs("fresh-data") == specs("fresh-data", "quick")
    assert profile("paper").name == "paper"
    for unset in (lambda: monkeypatch.setenv("PROFILE", ""), lambda: monkeypatch.delenv("PROFILE")):
        unset()
        assert profile().name == "paper"


def test_an_unknown_profile_or_experiment_is_named_with_the_known_ones(monkeypatch):
    with pytest.raises(ValueError, match="profile must be one of quick, paper, full, not 'slow'"):
        profile("slow")
    monkeypatch.setenv("PROFILE", "Paper")
    for call in (profile, lambda: spec(10), lambda: specs("dataset-size")):
        with pytest.raises(ValueError, match=r"profile must be one of .*, not 'Paper'"):
            call()
    known = re.escape(", ".join(EXPERIMENTS))
    for call in (specs, runs):
        with pytest.raises(ValueError, match=f"experiment must be one of {known}, not 'F9'"):
            call("F9", "quick")


def test_any_setting_of_a_run_can_be_changed_and_the_rest_is_the_profiles():
    one = spec(20, 3, of="quick", m=4, seed=7, steps=100, reduction="sum")
    assert one.data == DataSettings(20, n=1_000, sparsity=0.99, seed=3)
    assert one.config == TrainConfig(m=4, seed=7, steps=100, reduction="sum", eps=1e-7)
    plain = spec(20, 3, of="paper")
    assert plain == RunSpec(DataSettings(20, seed=3), TrainConfig(seed=300))
    other = spec(20, of="paper", n=1_000, sparsity=0.99)
    assert other.config.eps == 1e-6  # rescaled with the sizes ...
    assert spec(20, of="paper", n=1_000, sparsity=0.99, eps=1e-8).config.eps == 1e-8  # ... or given
    assert spec(math.inf, of="paper").data.batch == profile("paper").fresh[0][0]
    assert spec(math.inf, of="paper", batch=50).data.batch == 50


def test_a_run_like_those_of_an_experiment_differs_in_what_is_named_alone():
    first = specs("eps-path", "quick")[0]
    assert like("eps-path", "quick") == first
    other = like("eps-path", "quick", T=500, seed=7, eps=1e-5, start="ring:5:1:0")
    assert other.data == replace(first.data, T=500)
    assert other.config == replace(first.config, seed=7, eps=1e-5)
    assert (other.snapshots, other.start) == (first.snapshots, "ring:5:1:0")
    with pytest.raises(ValueError, match="no setting named 'momentum'"):
        like("eps-path", "quick", momentum=0.9)
    with pytest.raises(ValueError, match=r"width-published must have runs .* has none at quick"):
        like("width-published", "quick")
    with pytest.raises(ValueError, match=r"must be one of dataset-size.*not 'bread'"):
        like("bread")


def test_bad_settings_are_refused_by_name():
    with pytest.raises(ValueError, match="a run has no setting named 'learning_rate'"):
        spec(20, learning_rate=1)
    with pytest.raises(ValueError, match="T must be a whole number of at least 1, not 0"):
        spec(0)
    with pytest.raises(ValueError, match="m must be a whole number of at least 1, not 0"):
        spec(10, m=0)


def test_runs_come_from_the_store_and_only_of_the_sizes_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    small = replace(
        PROFILES["quick"], name="tiny", n=200, sparsity=0.95, steps=40,
        sizes=((5, 2, 2), (6, 1, 1)), fresh=((9, 1),),
    )  # fmt: skip
    monkeypatch.setitem(PROFILES, "tiny", small)
    sweep.train_missing(specs("dataset-size", "tiny"), jobs=1, quiet=True)
    assert [r.T for r in runs("dataset-size", "tiny")] == [5, 5, 6]
    assert [r.T for r in runs("dataset-size", "tiny", sizes=(6,))] == [6]
    drawn = runs("dataset-size", "tiny")
    said = source(drawn, "tiny")
    for part in (
        "tiny",
        "n = 200",
        "S = 0.95",
        "40 steps",
        "2 data seeds",
        "3 runs",
        "5 trainings",
    ):
        assert part in said, part
    assert "1 data seed, 1 run." in source(drawn[2:], "tiny")
    monkeypatch.setenv("SDD_BUILD", "1")
    with pytest.raises(MissingRuns, match=r"1 of 1 runs are not stored(.|\n)*python -m sdd run"):
        runs("fresh-data", "tiny")
    assert len(list(tmp_path.glob("*.safetensors"))) == 3
    assert store.load(specs("fresh-data", "tiny")[0].name) is None


# --- Small twins of full-size runs --------------------------------------------------------------


def test_the_rescaled_eps_is_exact_at_the_sizes_of_the_profiles():
    assert paper.rescaled_eps(10_000, 0.999) == 1e-8
    assert paper.rescaled_eps(1_000, 0.99) == 1e-6
    assert paper.rescaled_eps(1_000, 0.999) == 1e-7
    assert paper.rescaled_eps(10_000, 0.99) == 1e-7
    assert paper.rescaled_eps(1_000, 0.99, eps=3e-8) == 3e-6
    # In the form of the sum over features, ε ÷ (1 − S) is what stays the same.
    for n, sparsity in [(500, 0.98), (2_000, 0.995), (100_000, 0.9999)]:
        summed = n * paper.rescaled_eps(n, sparsity) / (1 - sparsity)
        assert summed == pytest.approx(10_000 * 1e-8 / 1e-3, rel=1e-8)


def test_the_rescaled_size_shrinks_with_the_features():
    assert paper.rescaled_size(2_000, 1_000) == 200
    assert [paper.rescaled_size(T, 10_000) for T in SIZES] == list(SIZES)
    assert paper.rescaled_size(3, 1_000) == 1  # never none
    assert profile("quick").size(10_000) == 1_000
    assert profile("paper").size(10_000) == 10_000


def test_copies_side_by_side_train_like_one_with_the_rescaled_eps_and_only_with_it():
    # Four copies of a problem that do not meet (4 n features, 4 m dimensions, 4 T points, and
    # biases below zero, so that a copy's outputs are silent on the others' points) are four
    # times as sparse and as large. Their weights are those of the single problem, at ε
    # rescaled by 1/4 for n and 1/4 for 1 − S.
    copies, n, m, T = 4, 12, 2, 20
    rng = np.random.default_rng(0)
    X = rng.random((T, n)) * (rng.random((T, n)) < 0.3)
    X[np.arange(T), np.arange(T) % n] += 0.5
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    W, b = 1.5 * rng.normal(size=(m, n)), np.full(n, -0.6)
    blocks = np.eye(copies)
    config = TrainConfig(m=m, steps=150, lr=3e-3, eps=1e-3, dtype="float64")
    one = train(Dataset.from_dense(X), config, init=(W, b))
    assert one.b.max() < 0
    assert np.abs(one.W - W).max() > 0.1

    def side_by_side(eps):
        many = replace(config, m=copies * m, eps=eps)
        start = np.kron(blocks, W), np.tile(b, copies)
        return train(Dataset.from_dense(np.kron(blocks, X)), many, init=start)

    ratio = paper.rescaled_eps(copies * n, 1 - 0.1 / copies) / paper.rescaled_eps(n, 1 - 0.1)
    assert ratio == pytest.approx(1 / copies**2)
    rescaled = side_by_side(config.eps * ratio)
    np.testing.assert_allclose(rescaled.W, np.kron(blocks, one.W), rtol=0, atol=1e-9)
    np.testing.assert_allclose(rescaled.b, np.tile(one.b, copies), rtol=0, atol=1e-9)
    literal = side_by_side(config.eps)
    assert np.abs(literal.W - np.kron(blocks, one.W)).max() > 0.01


@pytest.mark.slow
def test_a_small_twin_follows_the_full_size_run_with_the_rescaled_eps_and_only_with_it():
    # 300 hurried steps at the twin of T = 2,000, where ε and the gradients are alike in size.
    # What grows alike in both: the sum over points of what the loss has fallen, and ‖b‖.
    config = TrainConfig(steps=300, lr=1e-2)

    def grown(T, n, sparsity, eps, seed):
        run = train(sample(T, n, sparsity, seed), replace(config, eps=eps, seed=seed))
        return T * (1 - run.train_loss), np.linalg.norm(run.b)

    def mean(*setting):
        return np.mean([grown(*setting, seed) for seed in range(4)], axis=0)

    full = grown(2_000, 10_000, 0.999, 1e-8, 0)
    assert full[0] > 5  # as much as five points memorised
    twin = mean(paper.rescaled_size(2_000, 1_000), 1_000, 0.99, paper.rescaled_eps(1_000, 0.99))
    np.testing.assert_allclose(twin / full, 1, atol=0.3)
    assert twin[0] == pytest.approx(full[0], rel=0.1)
    literal = mean(200, 1_000, 0.99, 1e-8)  # "the same" ε is another problem
    assert literal[0] / full[0] > 1.25
    assert literal[1] / full[1] > 3
    larger = mean(200, 1_000, 0.99, 1e-5)
    assert larger[0] / full[0] < 0.8
    assert larger[1] / full[1] < 0.5
