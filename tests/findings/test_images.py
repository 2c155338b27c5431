"""The claims on maximal dimensionality follow the data; the classifier is what the page says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from worlds import changed, settings, with_tables, world

from sdd.data.images import MNIST, digits
from sdd.findings import CLAIMS, PROFILES, classifier, images, specs
from sdd.findings.images import HIGHEST, RANDOM
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge
from sdd.measures.geometry import maximal_dimensionality
from sdd.measures.table import load
from sdd.runs import make_run, save_run
from sdd.training import train

MINE = [c for c in CLAIMS.values() if c.finding == "images"]


def as_claimed():
    """A tail of 12 where chance makes 2, and changes in the order of the losses, roughly of D*."""
    whole = settings("images", point_median=0.05, chance=2.0)
    whole["point_largest"] = 0.6 + 0.001 * (whole["seed"] % 4)
    out = settings("images-left-out").assign(image=(HIGHEST + RANDOM) * 3)
    rank = out.groupby("seed").cumcount().astype(float)
    noise = np.random.default_rng(0).normal(size=len(out))
    out = out.assign(change=rank, loss=rank**2, **{"D*": rank + 8 * noise})
    return with_tables(world(), {"images": whole, "images-left-out": out})


def verdicts(evidence):
    """Return the verdicts that are not "reproduced", by claim and row."""
    rows = [row for claim in MINE for row in judge(claim, evidence)]
    return {row.key: row.verdict for row in rows if row.verdict != REPRODUCED}


def test_all_is_reproduced_where_the_runs_are_as_claimed():
    assert verdicts(as_claimed()) == {}
    assert {row.verdict for c in MINE for row in judge(c, world())} == {UNDECIDED}


@pytest.mark.parametrize(
    ("experiment", "columns", "flipped"),
    [
        ("images", {"point_median": 0.1}, {"C9-tail: ÷ median": CONTRADICTED}),
        ("images", {"chance": 8.0}, {"C9-tail: ÷ median, ÷ chance": CONTRADICTED}),
        ("images-left-out", {"D*": lambda f: -f["change"]}, {"C9-predicts": CONTRADICTED}),
        ("images-left-out", {"loss": lambda f: -f["change"]}, {"images-loss": CONTRADICTED}),
    ],
)
def test_follows_the_runs_and_flips_no_other_claim(experiment, columns, flipped):
    assert verdicts(changed(as_claimed(), experiment, "seed >= 20", **columns)) == flipped


def test_trainings_that_were_looked_at_and_other_widths_do_not_judge():
    for rows in ("seed < 20", "m != 64"):
        assert verdicts(changed(as_claimed(), "images", rows, point_largest=0.05)) == {}


def test_the_correlation_is_that_of_ranks_in_the_mean_of_trainings():
    found = images.changes(as_claimed())
    each = [
        stats.spearmanr(rows["D*"], rows["change"]).statistic for _, rows in found.groupby("seed")
    ]
    assert images.rank_correlation(found, "D*").value == pytest.approx(np.mean(each))
    less = images.rank_correlation(found, "loss", "D*").value
    assert less == pytest.approx(1 - np.mean(each))


def test_the_label_is_what_the_classifier_is_trained_on_and_never_what_it_sees():
    data, test = classifier.parts()
    assert (data.T, test.T, data.n) == (1_000, 797, 74)
    model, x = classifier.classifier()(74, 8), torch.from_numpy(data.to_dense()[:20])
    other = torch.cat([x[:, :-10], x[:, -10:].roll(1, 1)], 1)
    assert torch.equal(model.logits(x), model.logits(other))
    assert not torch.equal(model.objective(x), model.objective(other))
    assert torch.equal(model(x)[:, :64], x[:, :64])  # (only the label counts in what is reported)


def test_the_digit_that_was_left_out_is_found_and_its_change_is_the_difference_of_its_losses():
    data, test = classifier.parts()
    whole = make_run(classifier.network(data, test, 20))
    save_run(whole)
    for image in (3, 999):
        spec = classifier.network(data.take(np.delete(np.arange(1_000), image)), test, 20)
        run = train(spec.data, spec.config, model=spec.model)
        found, x = classifier.left_out(run), torch.from_numpy(data.to_dense()[[image]])
        losses = [r.torch().objective(x).item() for r in (run, whole)]
        assert found["image"] == image
        assert found["change"] == pytest.approx(losses[0] - losses[1], rel=1e-4, abs=1e-6)
        assert found["D*"] == pytest.approx(maximal_dimensionality(whole.hidden())[image])
    assert classifier.classified(whole)["accuracy"] > 0.95


def test_every_run_leaves_out_a_digit_of_its_own():
    for name, profile in PROFILES.items():
        found = specs("images-left-out", name)
        assert (
            len(set(found))
            == len(found)
            == 2 * len({s.config.seed for s in found}) * (12 if name == "quick" else 25)
        )
        assert {s.config.seed for s in specs("images", profile)} >= {s.config.seed for s in found}
    assert not set(HIGHEST) & set(RANDOM)


@pytest.mark.slow
def test_the_digits_of_the_highest_d_are_those_of_the_trainings_that_were_looked_at(book_store):
    runs = load(s.name for s in specs("images", "quick") if s.config.m == 64)[:4]
    assert [run.config.seed for run in runs] == [0, 1, 2, 3]
    D = np.mean([maximal_dimensionality(run.hidden()) for run in runs], axis=0)
    assert set(np.argsort(-D)[:25]) == set(HIGHEST)


def test_without_a_file_the_page_says_how_to_give_one_and_with_one_what_it_shows(monkeypatch):
    monkeypatch.delenv(MNIST, raising=False)
    assert "SDD_MNIST" in images.told_of_mnist(world()).data
    assert specs("images-mnist", "paper") == []
    monkeypatch.setattr(images, "mnist", digits)
    row = {"T": 50_000.0, "m": 512, "accuracy": 0.98, "point_median": 0.005, "point_largest": 0.5}
    told = images.told_of_mnist(with_tables(world(), {"images-mnist": pd.DataFrame([row])})).data
    assert "50,000 pictures, 512 units, 98.0% right" in told
    assert "100 times" in told


def test_a_file_of_mnist_is_one_more_training_of_the_comments_width(tmp_path, monkeypatch):
    pixels, labels = digits()
    np.savez(tmp_path / "mnist.npz", x_train=pixels[:60].reshape(60, 8, 8), y_train=labels[:60])
    monkeypatch.setenv(MNIST, str(tmp_path / "mnist.npz"))
    classifier.parts.cache_clear()
    (spec,) = specs("images-mnist", "paper")
    assert (spec.data.T, spec.test.T, spec.config.m) == (50, 10, 512)
    run = make_run(replace(spec, config=replace(spec.config, steps=20)))
    assert 0 <= classifier.classified(run)["accuracy"] <= 1
    classifier.parts.cache_clear()
