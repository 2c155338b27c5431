"""A spec is a value that names its run, and the command that trains it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sweeps import DATA, spec

from sdd import cli
from sdd.data import DataSettings
from sdd.runs import run_name
from sdd.runs.spec import RunSpec, check_feasible, lacking
from sdd.training.config import TrainConfig


def test_a_spec_is_a_value():
    assert spec(50) == spec(50)
    assert len({spec(50), spec(50), spec(60)}) == 2
    assert spec(50, restarts=3).steps == 150
    assert RunSpec(DataSettings(math.inf, batch=7), TrainConfig()).rows == 7
    assert np.isfinite(spec(50).weight)


def test_weights_grow_with_all_that_makes_a_run_long():
    one = spec(50)
    longer = [
        spec(100),
        spec(50, T=50),
        spec(50, m=8),
        spec(50, restarts=3),
        RunSpec(replace(DATA, n=2_000), one.config),
        RunSpec(DataSettings(math.inf, 200, 0.95, batch=300), one.config),
    ]
    assert all(s.weight > one.weight for s in longer)


def test_snapshots_are_sorted_and_kept_once_and_must_be_steps_of_the_training():
    one = replace(spec(50), snapshots=(20, 5, np.int64(5)))
    assert one == replace(spec(50), snapshots=(5, 20))
    assert one.snapshots == (5, 20)
    with pytest.raises(ValueError, match="snapshots must be at most steps = 50, not 60"):
        replace(spec(50), snapshots=(60, 5))
    with pytest.raises(ValueError, match=r"a snapshot's step must be a whole number .* not -1"):
        replace(spec(50), snapshots=(-1,))


def test_a_start_or_a_device_that_cannot_be_is_told_before_training():
    check_feasible(spec(50))
    check_feasible(replace(spec(50), start="ring:5:0.9:-0.1"))
    with pytest.raises(ValueError, match="start must be"):
        check_feasible(replace(spec(50), start="circle"))
    with pytest.raises(ValueError, match='there is no device "cuda:77"'):
        check_feasible(spec(50, device="cuda:77"))


@pytest.mark.parametrize("profile", ["quick", "paper", "full"])
@pytest.mark.parametrize(
    "wanted",
    [
        spec(50),
        spec(50_000, seed=3),
        RunSpec(DataSettings(10), TrainConfig()),
        RunSpec(DataSettings(10, n=1_000, sparsity=0.99, seed=2), TrainConfig(eps=1e-8)),
        RunSpec(DataSettings(10, n=30, sparsity=0.0), TrainConfig(weight_decay=0, eps=0)),
        RunSpec(DataSettings(300, repeats=5, repeated=3), TrainConfig()),
        RunSpec(DataSettings(math.inf, batch=300, seed=1), TrainConfig(seed=0, warmup=100)),
        RunSpec(
            DataSettings(7, split="test"),
            TrainConfig(
                m=5,
                seed=9,
                restarts=3,
                lr=0.02,
                weight_decay=1.0,
                eps=3e-7,
                reduction="sum",
                gain=0.3,
                dtype="float64",
            ),
            snapshots=(1, 10),
        ),
    ],
    ids=lambda wanted: wanted.name,
)
def test_the_command_trains_that_very_run_under_any_profile(wanted, profile, monkeypatch):
    monkeypatch.setenv("PROFILE", profile)
    words = wanted.command().split()
    assert words[:4] == ["python", "-m", "sdd", "run"]
    (understood,) = cli.parse(words[3:]).specs
    assert understood == wanted
    assert understood.name == wanted.name


def test_repeats_name_a_run_where_there_are_some_and_rename_no_other():
    def name(**repeats):
        return RunSpec(DataSettings(300, **repeats), TrainConfig()).name

    assert name() == "6081f9230a7feb72"  # as it was before there were repeats
    assert name(repeats=1, repeated=3) == name()
    others = [name(repeats=5), name(repeats=6), name(repeats=5, repeated=3)]
    assert len({name(), *others}) == 4


def test_the_longest_run_comes_first_where_sizes_differ_in_kind():
    def weight(T, m, **own):
        return RunSpec(DataSettings(T), TrainConfig(m=m), **own).weight

    # Milliseconds a step on one core, in this order: 740, 59, 26, 5, 1, 0.03.
    sizes = [(10_000, 32), (1_000, 20), (1_000, 6), (10_000, 2), (1_000, 2), (5, 2)]
    weights = [weight(T, m) for T, m in sizes]
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) == len(weights)


def test_a_run_after_another_is_named_by_both_and_only_then():
    first, other = spec(50), spec(60)
    then = replace(spec(40, T=8), after=first)
    assert then.name == run_name(then.data, then.config, start=f"run:{first.name}")
    names = {s.name for s in (spec(40, T=8), then, replace(then, after=other))}
    assert len(names) == 3
    assert then.own
    assert then.command() == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"after": spec(50, m=3)}, r"m and n must be those of the run before, \(3, 200\), not \(2"),
        ({"start": "ring:5:0.9:-0.1"}, "must have no start, one restart, and the paper's model"),
        ({"config": spec(50, restarts=2).config}, "must have no start, one restart"),
    ],
)
def test_what_cannot_begin_with_the_weights_of_another_run_is_refused(change, why):
    with pytest.raises(ValueError, match=why):
        replace(spec(50), **{"after": spec(60)} | change)


def test_what_is_lacking_includes_what_comes_before_it_and_each_once():
    first = spec(50)
    second = replace(spec(60), after=first)
    third = replace(spec(70), after=second)
    assert lacking([third, second], lambda _: False) == [first, second, third]
    assert lacking([third], lambda name: name == second.name) == [third]
    assert lacking([third], lambda name: name == third.name) == []
