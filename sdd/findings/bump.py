"""What the bump in the test loss consists of, and whether less output removes it (ours).

That there is a bump is claimed in `sdd.findings.double_descent`.
"""

import math

import pandas as pd

from sdd import theory
from sdd.findings.evidence import Evidence
from sdd.findings.page import mean_sd, size
from sdd.findings.profiles import Profile
from sdd.measures.columns import loss_parts, output_refits
from sdd.measures.damping import SEEN
from sdd.measures.decomposition import training_mean_gain
from sdd.measures.table import Measure

__all__ = ["firing_table", "numbers", "parts", "parts_table", "refits", "table"]

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
}


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run, with `loss_parts` and `output_refits`."""
    return Evidence.stored(of).body(loss_parts, output_refits, *measures)


def parts(runs: pd.DataFrame, *, as_costs: bool = False) -> pd.DataFrame:
    """Return each ``part`` of the test losses of runs with `loss_parts`, and its ``value``.

    As costs, gains are negative, so that the parts sum to the loss above that of no output.
    """
    labels = dict(_LABELS)
    if as_costs:
        gains = ["feature_gain", "constant_gain"]
        runs = runs.assign(**-runs[gains])
        labels |= {gain: f"{labels[gain]}, as a cost" for gain in gains}
    return _long(runs, labels, "part", "value")


def refits(runs: pd.DataFrame, searched: pd.DataFrame) -> pd.DataFrame:
    """Return the ``test_loss`` as trained and after each ``refit``, a row each.

    The runs have `output_refits`, and those searched `refit_inside` besides.
    """
    both = runs.merge(searched[["run", "inside_loss"]], on="run", how="left")
    return _long(both, _REFITS, "refit", "test_loss").dropna(subset="test_loss")


def _long(runs: pd.DataFrame, labels: dict[str, str], kind: str, value: str) -> pd.DataFrame:
    kept = runs[["T", "data_seed", "run", *labels]].rename(columns=labels)
    return kept.melt(["T", "data_seed", "run"], var_name=kind, value_name=value)


def numbers(p: Profile, runs: pd.DataFrame, searched: pd.DataFrame) -> dict[str, float]:
    """Return the numbers of the chapter's reading, by name: means over data seeds, at finite T.

    The runs have `loss_parts` and `output_refits`, and those searched `refit_inside` besides.
    """
    border, peak, end = (p.size(T) for T in (500, 2_000, 10_000))
    at, inside = (
        f[f["T"] < math.inf].groupby("T").mean(numeric_only=True) for f in (runs, searched)
    )
    firing, feature, constant = (at[c] for c in ("false_firing", "feature_gain", "constant_gain"))
    costly = int(constant.idxmin())  # where the constant part costs most
    loud = int((firing - feature)[at.index < border].idxmax())  # where the other two do
    mean = theory.feature_mean(p.n, p.sparsity)
    return {
        "crossing": theory.zero_baseline(p.n, p.sparsity) / (p.n * mean**2) - 1,
        "most-cost": costly, "constant-small": -constant[costly],
        "loss-small": at["excess"][costly],
        "loud-T": loud, "loud": firing[loud], "loud-present": -feature[loud],
        "loud-loss": at["excess"][loud],
        "border": border, "firing-border": firing[border], "firing": firing[peak],
        "feature": feature[peak], "constant-gain": constant[peak],
        "end": end, "firing-end": firing[end], "feature-end": feature[end],
        "constant-end": constant[end], "most-firing": int(firing[at.index >= border].idxmax()),
        "most-feature": int(feature.idxmax()), "trained": at["test_loss"][peak],
        "scale": at["rescaled_scale"][peak], "rescaled": at["rescaled_loss"][peak],
        "shifted": at["shifted_loss"][peak], "inside": inside["inside_loss"][peak],
        "inside-scale": inside["inside_scale"][peak],
        "inside-border": inside["inside_loss"][border],
    }  # fmt: skip


def parts_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of the test loss by T as text, over data seeds."""
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
            "constant gain ± sd over seeds": means["constant_gain"],
            "feature gain": means["feature_gain"],
            "false firing": means["false_firing"],
            "loss above no output's": means["excess"],
            "largest standard error of false firing": errors.map("{:.1e}".format),
            "seeds": groups.size(),
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
