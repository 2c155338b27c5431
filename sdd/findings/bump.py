"""What the bump in the test loss consists of, and what hidden vectors tell of features (ours).

That there is a bump is claimed in `sdd.findings.double_descent`.
"""

import math
from itertools import pairwise

import numpy as np
import pandas as pd

from sdd import engine, theory
from sdd.data import as_data, as_dataset, test_set
from sdd.engine.linear import WithoutReLU, loss_without_relu
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.experiments import experiment
from sdd.findings.page import mean_sd, size
from sdd.findings.profiles import FIRST_JUDGING, SMALL, Profile, spec
from sdd.findings.rule import above, below
from sdd.measures.columns import known_features, loss_parts
from sdd.measures.damping import SEEN
from sdd.measures.decomposition import training_mean_gain
from sdd.measures.statistics import Estimate, difference, lowest, mean
from sdd.measures.table import Measure
from sdd.runs.cache import memory
from sdd.runs.spec import RunSpec
from sdd.training.starts import config_weights

__all__ = [
    "firing_table", "known_table", "numbers", "parts", "parts_table", "refits", "table",
    "taken_apart", "twins", "without_relu",
]  # fmt: skip

EACH = 4  # trainings a size that are measured here, apart from the two ends of the rise
TWIN_SIZES, TWINS = (30, 100, 200, 500, 1_000), 3  # with and without the ReLU, at n = 1,000

_LABELS = {
    "excess": "test loss above no output's",
    "false_firing": "false firing",
    "feature_gain": "feature gain",
    "constant_gain": "constant gain",
}
_REFITS = {
    "test_loss": "as trained",
    "inside_loss": "inside the ReLU",
    "rescaled_loss": "output scale",
    "shifted_loss": "output scale and shift",
    "decoded_loss": "any decoder",
}


@experiment("relu-twins")
def relu_twins(p: Profile) -> list[RunSpec]:
    """The small problem as usual, beside trainings of it without the ReLU (all as at quick)."""
    seeds = range(FIRST_JUDGING, FIRST_JUDGING + TWINS)
    return [spec(T, seed, of="quick") for T in TWIN_SIZES for seed in seeds]


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run, with what their losses are made of."""
    evidence = Evidence.stored(of)
    return evidence.measured(taken_apart(evidence), *measures)


def taken_apart(e: Evidence) -> pd.DataFrame:
    """Return trainings that judge, a row each, with `loss_parts` and `known_features`.

    These take seconds a run. So of the trainings that judge, all are taken at T = 500 and 2,000,
    and `EACH` at other sizes.
    """
    runs = e.body()
    runs = runs[runs["data_seed"] >= FIRST_JUDGING]
    all_of = [e.profile.size(T) for T in (500, 2_000)]
    nth = runs.groupby("T").cumcount()
    return e.measured(runs[runs["T"].isin(all_of) | (nth < EACH)], loss_parts, known_features)


def parts(runs: pd.DataFrame) -> pd.DataFrame:
    """Return each ``part`` of the test losses of runs with `loss_parts`, and its ``value``.

    Gains count as negative costs: the parts sum to the loss above that of no output.
    """
    gains = ["feature_gain", "constant_gain"]
    labels = _LABELS | {gain: f"{_LABELS[gain]}, as a cost" for gain in gains}
    return _long(runs.assign(**-runs[gains]), labels, "part", "value")


def refits(runs: pd.DataFrame, searched: pd.DataFrame) -> pd.DataFrame:
    """Return the ``test_loss`` as trained and after each ``refit``, a row each.

    The runs have `loss_parts` and `known_features`, and those searched `refit_inside` besides.
    """
    both = runs.merge(searched[["run", "inside_loss"]], on="run", how="left")
    return _long(both, _REFITS, "refit", "test_loss").dropna(subset="test_loss")


def _long(runs: pd.DataFrame, labels: dict[str, str], kind: str, value: str) -> pd.DataFrame:
    kept = runs[["T", "data_seed", "run", *labels]].rename(columns=labels)
    return kept.melt(["T", "data_seed", "run"], var_name=kind, value_name=value)


def numbers(p: Profile, runs: pd.DataFrame, searched: pd.DataFrame) -> dict[str, float]:
    """Return the numbers of the chapter's reading, by name: means over trainings, at finite T.

    The runs have `loss_parts` and `known_features`, and those searched `refit_inside` besides.
    """
    border, peak, end = (p.size(T) for T in (500, 2_000, 10_000))
    at, inside = (
        f[f["T"] < math.inf].groupby("T").mean(numeric_only=True) for f in (runs, searched)
    )
    firing, feature, constant, known, best = (
        at[c]
        for c in ("false_firing", "feature_gain", "constant_gain", "features_known", "best_known")
    )
    costly = int(constant.idxmin())  # where the constant part costs most
    most = int(known.idxmax())
    mean = theory.feature_mean(p.n, p.sparsity)
    return {
        "crossing": theory.zero_baseline(p.n, p.sparsity) / (p.n * mean**2) - 1,
        "most-cost": costly, "constant-small": -constant[costly],
        "loss-small": at["excess"][costly],
        "firing-border": firing[border], "firing": firing[peak],
        "feature": feature[peak], "constant-gain": constant[peak],
        "feature-sd": runs.loc[runs["T"] == peak, "feature_gain"].std(),
        "end": end, "firing-end": firing[end], "feature-end": feature[end],
        "trained": at["test_loss"][peak],
        "scale": at["rescaled_scale"][peak], "rescaled": at["rescaled_loss"][peak],
        "shifted": at["shifted_loss"][peak], "inside": inside["inside_loss"][peak],
        "inside-scale": inside["inside_scale"][peak],
        "known": known[peak], "known-end": known[end], "most-known": most,
        "known-most": known[most], "best": best[peak], "best-end": best[end],
        "decoded": at["decoded_loss"][peak],
    }  # fmt: skip


def parts_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of the test loss by T as text, over trainings."""
    groups, law = runs.groupby("T"), runs.iloc[0]

    def gain(T: float) -> str:
        if T == math.inf:
            return "–"
        return f"{training_mean_gain(int(T), int(law['n']), law['sparsity']):.5f}"

    means = {name: groups[name].agg(mean_sd, digits=5) for name in _LABELS}
    errors = groups["false_firing_error"].max()
    return pd.DataFrame(
        {
            "T": [size(T) for T in errors.index],
            "constant gain of the training set's mean (formula)": errors.index.map(gain),
            "constant gain ± sd over trainings": means["constant_gain"],
            "feature gain": means["feature_gain"],
            "false firing": means["false_firing"],
            "loss above no output's": means["excess"],
            "largest standard error of false firing": errors.map("{:.1e}".format),
            "trainings": groups.size(),
        }
    )


def firing_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return as text which features fire falsely, by how often training has seen them.

    The runs have `firing_by_times_seen`.
    """
    means = runs.groupby("T").mean(numeric_only=True)
    shares, found = means.map("{:.1%}".format), {"T": means.index.map("{:,.0f}".format)}
    for name in SEEN:
        firing, features = (shares[f"{of}, seen {name}"] for of in ("false firing", "features"))
        found[f"seen {name}: of the false firing (of the features)"] = (
            firing + " (" + features + ")"
        )
    return pd.DataFrame(found)


def known_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return as text, by T, what hidden vectors tell of features and what models make of it."""
    groups = runs.groupby("T")

    def mean_of(column: str, digits: int) -> pd.Series:
        return groups[column].agg(mean_sd, digits=digits)

    return pd.DataFrame(
        {
            "T": [size(T) for T in groups["T"].first()],
            "features' worth explained ± sd over trainings": mean_of("features_known", 1),
            "of the five best known features, share": mean_of("best_known", 2),
            "test loss of the best decoder": mean_of("decoded_loss", 5),
            "test loss as trained": mean_of("test_loss", 5),
            "trainings": groups.size(),
        }
    )


# --- The control: no ReLU -----------------------------------------------------------------------


def without_relu(e: Evidence) -> pd.DataFrame:
    """Return the test losses of x' = Wᵀ W x + b, trained as the `relu_twins` are.

    They are kept beside the stored runs. Evidence made of other tables has them in the table
    "without-relu".

    Raises
    ------
    NoRuns
        Where such evidence does not have it.
    """
    if e.tables is not None:
        if "without-relu" not in e.tables:
            raise NoRuns("without-relu has no runs in these tables")
        return e.tables["without-relu"]
    cases = [(T, FIRST_JUDGING + k) for T in TWIN_SIZES for k in range(TWINS)]
    kept = memory().cache(_train_without_relu)
    rows = [{"T": float(T), "data_seed": seed, "test_loss": kept(T, seed)} for T, seed in cases]
    return pd.DataFrame(rows)


def _train_without_relu(T: int, data_seed: int) -> float:
    """Train one model without the ReLU, with all other settings of its twin; return its loss."""
    run = spec(T, data_seed, of="quick")
    config, data = run.config, as_dataset(as_data(run.data))
    state = engine.State(*config_weights(config, data.n))
    step = WithoutReLU(config.m, data.n, data, state.W.dtype)
    decays = config.weight_decay, config.weight_decay
    hyper, tiny = (*decays, *engine.BETAS, run.eps), float(np.finfo(state.W.dtype).tiny)
    step.advance(state, config.rates(), 2 / (data.n * data.T), hyper, 10 * tiny)
    return loss_without_relu(state.W, state.b, test_set(data.n, run.data.sparsity))


def twins(e: Evidence) -> pd.DataFrame:
    """Return test losses by T with and without the ReLU, and by formula without: by ``model``."""
    columns = ["model", "T", "data_seed", "test_loss"]
    both = {"with ReLU": e.table("relu-twins"), "without": without_relu(e)}
    m, n, S = 2, SMALL["n"], SMALL["sparsity"]
    formula = [theory.linear_loss(T, m, n, S) for T in TWIN_SIZES]
    rows = [runs.assign(model=name)[columns] for name, runs in both.items()]
    line = pd.DataFrame({"model": "without, by formula", "T": TWIN_SIZES, "test_loss": formula})
    return pd.concat([*rows, line.assign(data_seed=-1)], ignore_index=True)


# --- Claims -------------------------------------------------------------------------------------

_OURS = "ours: the paper does not ask this"


@claim("bump-firing", title="From T = 500 to 2,000 only false firing raises the loss",
       source=_OURS, published="not stated", figure="fig-parts",
       region=above(0),
       estimand="Each part of the test loss at T = 2,000 less the same at T = 500, paired by data"
                " seed",
       statement="From T = 500 to 2,000 false firing rises, and so do the two gains together: only "
                 "false firing raises the loss")  # fmt: skip
def _firing_rises(e: Evidence) -> dict[str, Estimate]:
    columns = ["false_firing", "constant_gain", "feature_gain"]
    columns += [f"{name}_error" for name in columns]
    low, top = (
        e.at(e.profile.size(T), loss_parts).set_index("data_seed")[columns] for T in (500, 2_000)
    )
    rise, error = (top - low).dropna(), np.hypot(top.mean(), low.mean())
    noise = math.hypot(error["constant_gain_error"], error["feature_gain_error"])
    return {
        "false firing": mean(rise["false_firing"], error=error["false_firing_error"]),
        "both gains": mean(rise["constant_gain"] + rise["feature_gain"], error=noise),
    }


@claim("bump-rows", title="False firing is mostly in points with the longest columns",
       source=_OURS, published="not stated", figure="fig-parts",
       region=above(0.5),
       estimand="Share of the false firing, at T = 2,000, that is in the test points which hold "
                "one of the 1 % of features with the longest columns; mean over trainings",
       statement="Most of the false firing at T = 2,000 is in test points with one of the 1 % of "
                 "features that have the longest columns")  # fmt: skip
def _stands_in_few(e: Evidence) -> Estimate:
    return mean(e.at(e.profile.size(2_000), loss_parts)["firing_in_long_column_rows"])


def _known(e: Evidence, column: str) -> tuple[pd.Series, pd.Series]:
    top, end = (e.at(e.profile.size(T), known_features)[column] for T in (2_000, 10_000))
    return top, end


@claim("bump-known", title="On the bump hidden vectors tell more of all features",
       source=_OURS, published="not stated", figure="fig-known", at_quick=False,
       region=above(0),
       estimand="Features' worth of variance that test points' hidden vectors explain, mean over "
                "trainings at T = 2,000 less that at T = 10,000",
       statement="On the bump hidden vectors tell more of all features together than they do once "
                 "five features stand out")  # fmt: skip
def _known_in_all(e: Evidence) -> Estimate:
    return difference(*_known(e, "features_known"))


@claim("bump-best-known", title="On the bump hidden vectors tell less of the best known five",
       source=_OURS, published="not stated", figure="fig-known",
       region=below(0),
       estimand="Share of variance explained of the five features that are known best, mean over "
                "trainings at T = 2,000 less that at T = 10,000",
       statement="On the bump hidden vectors tell less of the five best known features than "
                 "they do once five stand out")  # fmt: skip
def _best_known(e: Evidence) -> Estimate:
    return difference(*_known(e, "best_known"))


@claim("bump-linear", title="Without the ReLU there is no bump",
       source="ours; Rahimi et al. for linear autoencoders of another kind",
       published="no double descent (text)", figure="fig-linear", region=above(0),
       estimand="By how much the mean test loss without the ReLU falls from each size to the next"
                " (n = 1,000; T = 30, 100, 200, 500, 1,000); the least of these",
       statement="Without the ReLU there is no bump: the test loss falls throughout")  # fmt: skip
def _no_bump_without(e: Evidence) -> Estimate:
    losses = [part["test_loss"] for _, part in without_relu(e).groupby("T")]
    return lowest(difference(*pair) for pair in pairwise(losses))
