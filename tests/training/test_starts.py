"""Initial weights follow their law, and a planted start is what its name says."""

import math
from dataclasses import replace

import numpy as np
import pytest
from short_runs import SMALL, short

from sdd import engine, theory
from sdd.data import DataSettings, sample, stream
from sdd.runs import store, sweep
from sdd.runs.spec import RunSpec
from sdd.training import TrainConfig, initial_weights, train
from sdd.training.starts import planted

APART = sample(5, 10_000, 0.999, seed=0)  # five points that share no feature
CONFIG = TrainConfig(steps=3)


@pytest.mark.parametrize(("law", "kurtosis"), [("normal", 3), ("uniform", 9 / 5)])
def test_initial_weights_have_their_law_and_the_bias_is_zero(law, kurtosis):
    W, b = initial_weights(2, 50_000, seed=3, gain=2.0, xavier=law)
    deviation = 2 * math.sqrt(2 / 50_002)
    assert (W.shape, W.dtype, b.dtype, b.any()) == ((2, 50_000), np.float32, np.float32, False)
    assert W.std() == pytest.approx(deviation, rel=0.02)
    assert abs(W.mean()) < 4 * deviation / math.sqrt(W.size)
    assert (W**4).mean() == pytest.approx(kurtosis * deviation**4, rel=0.1)
    drawn = train(SMALL, short(xavier=law), snapshots=(0,)).snapshots["W"][0]
    np.testing.assert_array_equal(drawn, initial_weights(3, 60, xavier=law)[0])


def test_a_parameter_seed_gives_these_very_weights():
    W, _ = initial_weights(2, 3, seed=5, dtype="float64")
    expected = [
        [-0.3987941734021224, -0.5089223607210379, 0.600338195394567],
        [0.7369775375427684, -0.0968332539750812, 0.19429556404590634],
    ]
    np.testing.assert_allclose(W, expected, rtol=1e-12)
    single, _ = initial_weights(2, 3, seed=5)
    np.testing.assert_array_equal(single, W.astype(np.float32))
    assert (initial_weights(2, 3, seed=6)[0] != single).all()


def test_config_seed_and_gain_steer_the_start():
    starts = {}
    for seed, gain in [(0, 1.0), (1, 1.0), (0, 2.0)]:
        config = TrainConfig(steps=1, lr=0, seed=seed, gain=gain)
        starts[seed, gain] = train(SMALL, config).W
        np.testing.assert_array_equal(starts[seed, gain], initial_weights(2, 60, seed, gain)[0])
    assert (starts[0, 1.0] != starts[1, 1.0]).all()
    np.testing.assert_allclose(starts[0, 2.0], 2 * starts[0, 1.0], rtol=1e-6)


def test_a_polygon_at_and_above_its_least_radius_has_memorised_its_points():
    for factor, fits in ((1.001, True), (1.2, True), (0.9, False)):
        W, b = planted(f"tgon:{factor}", APART, replace(CONFIG, dtype="float64"))
        lengths = np.linalg.norm(engine.hidden(W, APART), axis=1)
        np.testing.assert_allclose(lengths, factor * theory.tgon_threshold(5), rtol=1e-6)
        assert (engine.loss(W, b, APART) < 1e-9) == fits


def test_a_ring_is_put_among_ordinary_initial_weights():
    W, b = planted("ring:6:0.9:-0.1", sample(9, 40, 0.9), replace(CONFIG, seed=7))
    np.testing.assert_allclose(np.linalg.norm(W[:, :6], axis=0), 0.9, rtol=1e-6)
    angles = np.unwrap(np.arctan2(W[1, :6], W[0, :6]))
    np.testing.assert_allclose(np.diff(angles), math.pi / 3, rtol=1e-5)
    np.testing.assert_array_equal(W[:, 6:], initial_weights(2, 40, 7)[0][:, 6:])
    np.testing.assert_allclose(b, [-0.1] * 6 + [0] * 34)
    assert W.dtype == b.dtype == np.float32


def test_a_top_ring_is_made_of_the_features_that_the_data_use_most():
    data = sample(60, 40, 0.9, seed=2)
    squares = (data.to_dense().astype(float) ** 2).sum(0)
    W, b = planted("top-ring:4:0.9:-0.1", data, CONFIG)
    chosen = np.flatnonzero(b)
    assert len(chosen) == 4
    assert squares[chosen].min() > np.delete(squares, chosen).max()
    np.testing.assert_allclose(np.linalg.norm(W[:, chosen], axis=0), 0.9, rtol=1e-6)
    rest = np.delete(np.arange(40), chosen)
    np.testing.assert_array_equal(W[:, rest], initial_weights(2, 40, 0)[0][:, rest])


@pytest.mark.parametrize(
    ("start", "data", "config", "why"),
    [
        ("tgon", APART, CONFIG, 'start must be "tgon:F"'),
        ("tgon:-1", APART, CONFIG, "'tgon:-1'"),
        ("ring:5:x:0", APART, CONFIG, "'ring:5:x:0'"),
        ("ring:2.5:1:0", APART, CONFIG, "'ring:2.5:1:0'"),
        ("star:5", APART, CONFIG, "'star:5'"),
        ("ring:50:1:0", sample(5, 40, 0.9), CONFIG, "at most n = 40 features, not 50"),
        ("tgon:1", stream(5), CONFIG, "needs a finite T"),
        ("top-ring:5:1:0", stream(5), CONFIG, "needs a finite T"),
        ("tgon:1", APART, TrainConfig(m=3), "needs m = 2 and restarts = 1, not 3 and 1"),
        ("tgon:1", sample(40, 50, 0.5), CONFIG, "disjoint supports"),
    ],
)
def test_what_cannot_be_planted_is_refused_in_one_sentence(start, data, config, why):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        planted(start, data, config)
    assert why in str(refused.value)


def test_runs_from_a_planted_start_are_stored_under_a_name_of_their_own(tmp_path):
    plain = RunSpec(DataSettings(T=5, n=10_000, sparsity=0.999), CONFIG)
    spec = replace(plain, start="tgon:1.1")
    assert spec.name != plain.name
    assert "--start tgon:1.1" in spec.command()
    assert sweep.train_missing([spec, plain], tmp_path, jobs=1, quiet=True) == 2
    run, other = store.load(spec.name, tmp_path), store.load(plain.name, tmp_path)
    assert (run.start, other.start) == ("tgon:1.1", "")
    assert run.history["loss"][0] < 1e-9 < other.history["loss"][0]


def test_data_may_hold_the_first_features_only(tmp_path):
    whole, part = (
        DataSettings(T=50, n=200, sparsity=0.95, seed=4, features=F).make() for F in (None, 6)
    )
    assert part.n == 6
    np.testing.assert_array_equal(part.to_dense(), whole.to_dense()[:, :6])
    endless = DataSettings(T=math.inf, n=200, sparsity=0.95, batch=30, features=6).make()
    assert endless.n == endless.at(3).n == 6
    spec = RunSpec(DataSettings(T=50, n=200, sparsity=0.95, features=6), CONFIG)
    sweep.train_missing([spec], tmp_path, jobs=1, quiet=True)
    run = store.load(spec.name, tmp_path)
    assert run.W.shape == (2, 6)
    assert 0 < run.test_loss < 0.2  # six of two hundred features hold that little
    with pytest.raises(ValueError, match="features must be at most n = 200, not 201"):
        DataSettings(T=5, n=200, features=201)
