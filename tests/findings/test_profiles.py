"""The runs of every profile, and asking for them by name."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sdd import paper
from sdd.data import DataSettings
from sdd.findings import EXPERIMENTS, PROFILES, epsilon, profile, run_like, spec, specs
from sdd.findings.profiles import FIRST_JUDGING
from sdd.runs.spec import RunSpec
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
        again = replace(s, data=replace(s.data), config=replace(s.config))
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
        s.config == TrainConfig(seed=s.config.seed, restarts=s.config.restarts, eps=paper.EPS)
        for s in wanted
    )
    by_T = {}
    for s in wanted:
        by_T.setdefault(s.data.T, []).append(s)
    assert set(by_T) >= {*SIZES, math.inf}
    for T in SIZES:
        assert len({s.data.seed for s in by_T[T]}) == len(by_T[T])
    batches = {}
    for s in by_T[math.inf]:
        batches.setdefault(s.data.batch, set()).add(s.config.seed)
    assert len(batches) >= 2
    assert all(len(seeds) >= 2 for seeds in batches.values())


# Numbers of trainings that judge, as they were stated before these were trained.
JUDGING = {
    "paper": {
        **dict.fromkeys((3, 5, 6, 8, 10, 15, 30), 32), **dict.fromkeys((50, 100, 200), 8),
        500: 20, 1_000: 8, 2_000: 20, 3_000: 8, 5_000: 20, 10_000: 4, 20_000: 2, 50_000: 2,
        math.inf: 3,
    },
    "full": {
        **dict.fromkeys((3, 5, 6, 8, 10, 15, 30), 32),
        **dict.fromkeys((50, 100, 200, 500, 1_000, 2_000, 3_000, 5_000, 10_000), 20),
        20_000: 8, 50_000: 8, 100_000: 4, 200_000: 4, 500_000: 4, math.inf: 4,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGING)
def test_as_many_trainings_judge_as_were_stated(name):
    p, found = profile(name), {}
    for s in of_the_paper(name):
        if s.data.seed >= FIRST_JUDGING and s.data.batch in (None, p.fresh[0][0]):
            found[s.data.T] = found.get(s.data.T, 0) + 1
    assert found == JUDGING[name]


@pytest.mark.parametrize("name", PROFILES)
def test_all_trainings_are_single_and_seeds_to_look_at_are_below_those_that_judge(name):
    assert all(s.config.restarts == 1 for s in of_the_paper(name))
    for T, look, judge in profile(name).sizes:
        seeds = [s.data.seed for s in specs("dataset-size", name) if T == s.data.T]
        assert seeds == [*range(look), *range(FIRST_JUDGING, FIRST_JUDGING + judge)]
        assert look < FIRST_JUDGING
        assert judge >= 2, "one training has no spread"


def test_seventeen_or_more_judge_where_the_bump_does():
    for name in ("paper", "full"):
        assert all(JUDGING[name][T] >= 17 for T in (500, 2_000, 5_000))


def test_the_full_profile_reaches_up_to_500_000():
    sizes = {s.data.T for s in of_the_paper("full")}
    assert sizes == {*paper.DATASET_SIZES, 3_000, math.inf}


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
    looked = {T for T, look, _ in profile(name).sizes if look}
    large = {T for T in looked if T >= 1_000 or T == bump}
    assert {T for T, kept in found.items() if kept} == large
    assert sum(found.values()) >= 3


@pytest.mark.parametrize("name", PROFILES)
def test_every_run_beyond_the_body_has_its_eps_by_the_law_unless_eps_is_what_varies(name):
    free = {
        "eps-path", "eps-law", "eps-active", "small-problem", "rate-map", "interaction-law",
        "images", "images-left-out", "images-mnist",  # a classifier, whose loss is another
        "variants",
    }  # fmt: skip
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
        assert laws == set(epsilon.LAWS)
        for n, S in laws:
            assert n * (1 - S) == pytest.approx(10)  # active features a row, everywhere


def test_the_map_and_the_appendix_have_the_sizes_promised():
    cells = {(s.data.T, s.config.m) for s in specs("width", "paper")}
    ms, sizes = {m for _, m in cells}, {T for T, _ in cells}
    assert len(specs("width", "paper")) == 4 * len(cells) == 4 * len(ms) * len(sizes)
    assert ({2, 4} <= ms, min(sizes), max(sizes)) == (True, 50, 2_000)
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
    assert all(experiment.description for experiment in EXPERIMENTS.values())


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
    with pytest.raises(ValueError, match=f"experiment must be one of {known}, not 'F9'"):
        specs("F9", "quick")


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
    assert run_like("eps-path", "quick") == first
    other = run_like("eps-path", "quick", T=500, seed=7, eps=1e-5, start="ring:5:1:0")
    assert other.data == replace(first.data, T=500)
    assert other.config == replace(first.config, seed=7, eps=1e-5)
    assert (other.snapshots, other.start) == (first.snapshots, "ring:5:1:0")
    with pytest.raises(ValueError, match="no setting named 'momentum'"):
        run_like("eps-path", "quick", momentum=0.9)
    with pytest.raises(ValueError, match=r"width-published must have runs .* has none at quick"):
        run_like("width-published", "quick")
    with pytest.raises(ValueError, match=r"must be one of .*not 'bread'"):
        run_like("bread")


def test_bad_settings_are_refused_by_name():
    with pytest.raises(ValueError, match="a run has no setting named 'learning_rate'"):
        spec(20, learning_rate=1)
    with pytest.raises(ValueError, match="T must be a whole number of at least 1, not 0"):
        spec(0)
    with pytest.raises(ValueError, match="m must be a whole number of at least 1, not 0"):
        spec(10, m=0)
