"""Maximal data dimensionality in a classifier of digits (C9): its tail, and what it predicts."""

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from sdd.data.images import MNIST, digits, mnist
from sdd.findings.claims import claim
from sdd.findings.classifier import (
    COMMENT,
    TRAINED,
    UNITS,
    classified,
    left_out,
    network,
    parts,
)  # fmt: skip
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import FIRST_JUDGING, Profile, choose, data_seeds
from sdd.findings.prose import Markdown
from sdd.findings.rule import above
from sdd.measures.geometry import maximal_dimensionality
from sdd.measures.leverage import maximal
from sdd.measures.statistics import Estimate, Place, mean, place
from sdd.measures.table import load, with_measures
from sdd.runs.spec import RunSpec

__all__ = [
    "COMMENT", "HIGHEST", "RANDOM", "UNITS", "agreement", "changes", "distribution", "estimates",
    "pictures", "rank_correlation", "table", "told_of_mnist", "toys",
]  # fmt: skip

# Of the digits trained on the 25 of the highest D*, in the mean of the trainings with 64 units from
# seeds 0 to 3, which had been looked at; and 25 drawn at random from the others.
HIGHEST = (751, 589, 48, 950, 138, 803, 919, 666, 947, 368, 669, 63, 146, 141, 584, 810, 7, 434,
           152, 235, 378, 258, 848, 222, 689)  # fmt: skip
RANDOM = (929, 836, 34, 931, 142, 537, 500, 309, 419, 463, 818, 256, 637, 273, 407, 862, 27, 545,
          999, 750, 807, 737, 86, 857, 248)  # fmt: skip


@experiment("images")
def images(p: Profile) -> list[RunSpec]:
    """A thousand digits, classified by hidden layers of several widths."""
    widths = choose(p, (16, COMMENT), (16, 32, 128, COMMENT))
    return [
        *(network(*parts(), seed) for seed in data_seeds(look=4, judge=choose(p, 4, 16, 32))),
        *(network(*parts(), seed, m) for m in widths for seed in range(choose(p, 1, 2))),
    ]


@experiment("images-left-out")
def images_left_out(p: Profile) -> list[RunSpec]:
    """The same without one digit, fifty times."""
    data, test = parts()
    rows, each = np.arange(TRAINED), choose(p, 12, 25)
    return [
        network(data.take(rows[rows != image]), test, seed)
        for seed in data_seeds(look=0, judge=choose(p, 1, 3, 8))
        for image in (*HIGHEST[:each], *RANDOM[:each])
    ]


@experiment("images-mnist")
def images_mnist(p: Profile) -> list[RunSpec]:
    """MNIST with the comment's 512 units, where the environment names a file of it."""
    return [] if mnist() is None else [network(*parts(mnist), 0, COMMENT)]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None) -> pd.DataFrame:
    """Return the trainings on all thousand digits, a row a training."""
    return Evidence.stored(of).table("images", maximal, classified)


def _tail(runs: pd.DataFrame) -> pd.Series:
    return runs["point_largest"] / runs["point_median"]


def distribution(runs: pd.DataFrame) -> pd.DataFrame:
    """Return D* of every digit in the first training of each width, a row a digit."""
    parts = []
    for m, found in runs.sort_values(["m", "seed"]).groupby("m"):
        (run,) = load(found["run"].iloc[:1])
        D = np.sort(maximal_dimensionality(run.hidden()))[::-1]
        share = np.arange(1, D.size + 1) / D.size
        multiple = D / np.median(D)
        parts.append(pd.DataFrame({"units": m, "D*": D, "multiple": multiple, "share": share}))
    return pd.concat(parts, ignore_index=True)


def agreement(runs: pd.DataFrame) -> float:
    """Return the mean rank correlation of D* between trainings, over pairs."""
    D = [maximal_dimensionality(run.hidden()) for run in load(runs["run"])]
    found = np.atleast_2d(stats.spearmanr(np.transpose(D)).statistic)
    return float(found[np.triu_indices(len(D), 1)].mean()) if len(D) > 2 else float(found.min())


def pictures(runs: pd.DataFrame, count: int = 6) -> pd.DataFrame:
    """Return the digits of the highest D* in the mean of trainings, and as many near the median.

    A row a digit: ``kind``, ``image``, ``label``, ``D*``, and its grey values from ``p0`` on.
    """
    D = np.mean([maximal_dimensionality(run.hidden()) for run in load(runs["run"])], axis=0)
    order = np.argsort(-D, kind="stable")
    typical = order[(len(D) - count) // 2 :][:count]
    chosen = np.concatenate([order[:count], typical])
    kind = np.repeat(["highest D*", "typical D*"], count)
    grey, label = digits()
    found = pd.DataFrame(grey[chosen]).add_prefix("p")
    found.insert(0, "D*", D[chosen])
    found.insert(0, "label", label[chosen])
    found.insert(0, "image", chosen)
    found.insert(0, "kind", kind)
    return found


def changes(e: Evidence) -> pd.DataFrame:
    """Return what leaving out a digit does to its loss, a row a digit and a training.

    The columns of `left_out`, and ``chosen``, which says why it was left out.
    """
    out = e.table("images-left-out", left_out)
    chosen = np.where(out["image"].isin(HIGHEST), "highest D*", "at random")
    columns = ["run", "seed", "image", "D*", "loss", "change"]
    return out[columns].assign(chosen=chosen).astype({"image": int})


def rank_correlation(found: pd.DataFrame, *columns: str) -> Place:
    """Estimate the rank correlation with the change of loss, over digits; its mean over trainings.

    Of two columns, that of the first less that of the second.
    """
    wide = found.pivot(index="image", columns="seed", values=[*columns, "change"])
    values = [wide[name].to_numpy() for name in (*columns, "change")]

    def statistic(rows: Float[np.ndarray, " k"]) -> float:
        ranks = [stats.rankdata(v[rows.astype(int)], axis=0) for v in values]
        ranks = [(r - r.mean(0)) / np.linalg.norm(r - r.mean(0), axis=0) for r in ranks]
        each = [float((r * ranks[-1]).sum(0).mean()) for r in ranks[:-1]]
        return each[0] - sum(each[1:])

    return place(range(len(wide)), statistic)


def estimates(searched: pd.Series) -> pd.DataFrame:
    """Return D* of some digits and what gradient ascent finds, a row a digit and a stop."""
    names = [name for name in searched.index if str(name).startswith("after")]
    return pd.DataFrame({
        "search": [name.partition(",")[0] for name in names],
        "D*": [searched[f"exact {name.rpartition(' ')[2]}"] for name in names],
        "found": [searched[name] for name in names],
    })  # fmt: skip


def toys(e: Evidence) -> pd.DataFrame:
    """Return one run of the body for each T, with its maximal dimensionalities beside D."""
    return with_measures(e.body().groupby("T").head(1), maximal)


def told_of_mnist(e: Evidence) -> Markdown:
    """Return what MNIST shows where a file of it is given, and else how to give one."""
    if mnist() is None:
        return Markdown(
            f"For the same on MNIST, let the environment variable `{MNIST}` name a file of it (an "
            "`.npz` with `x_train` and `y_train`, or its `images-idx3` file beside that of labels) "
            "when the runs are trained and the book is built; nothing is downloaded."
        )
    row = e.table("images-mnist", maximal, classified).iloc[0]
    typical, most = row["point_median"], row["point_largest"]
    return Markdown(
        f"On MNIST ({row['T']:,.0f} pictures, {row['m']:.0f} units, {row['accuracy']:.1%} right) "
        f"the median $D^*$ is {typical:.4f}, and the largest {most:.2f}: {most / typical:.0f} "
        "times as much."
    )


# --- Claims: regions were chosen on trainings from seeds 0 to 3 ----------------------------------


@claim("C9-tail", source="C9, comments by Olah and by Hobbhahn", figure="fig-images-tail",
       published="about 100 times, on MNIST with 512 units (text)",
       region={"÷ median": above(10), "÷ median, ÷ chance": above(2)},
       estimand=f"Largest D* ÷ median D* of {TRAINED:,} digits in {UNITS} units, mean over "
       "trainings; and that as a multiple of the same of normal vectors, as many and of the same "
       "rank. Digits are fewer than MNIST's pictures: ten times would do. (No D* is above 1: "
       "÷ median cannot reach a hundred here)")  # fmt: skip
def _long_tail(e: Evidence) -> dict[str, Estimate]:
    """Most examples are alike in D*, and a few have far more."""
    runs = e.table("images", maximal, classified)
    runs = runs[(runs["m"] == UNITS) & (runs["seed"] >= FIRST_JUDGING)]
    tail = _tail(runs)
    return {"÷ median": mean(tail), "÷ median, ÷ chance": mean(tail / runs["chance"])}


_OVER = "over the digits of the highest D* and as many at random; mean over trainings"


@claim("C9-predicts", title="A high D* tells that leaving out the example matters",
       source="ours, of C9", published="not stated", figure="fig-images-left-out",
       region=above(0.5), estimand="Rank correlation of D* with the change of the digit's "
       f"cross-entropy when the network is trained without it, {_OVER}")  # fmt: skip
def _predicts(e: Evidence) -> Estimate:
    """A high D* tells that leaving out the example would change its loss much."""
    return rank_correlation(changes(e), "D*")


@claim("images-loss", title="Training loss tells what leaving out does better than D*",
       source="ours, of C9", published="not stated", figure="fig-images-left-out",
       region=above(0), estimand="The same correlation of the digit's training loss less that of "
       f"D*, {_OVER}")  # fmt: skip
def _loss_predicts_better(e: Evidence) -> Estimate:
    """The training loss of an example predicts that change better than its D* does."""
    return rank_correlation(changes(e), "loss", "D*")
