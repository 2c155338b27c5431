"""Double descent: test loss against the size of the training set (F3, above)."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import beside, mean_sd, size
from sdd.findings.profiles import Profile, spec
from sdd.findings.rule import Verdict, combine, judge_each, judge_sign, judge_value
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["bump", "label", "large", "published_losses", "table"]

# The weights of a large model, from this T on, and of one on the bump are kept during training, of
# data seed 0: for the chapters on the engine and on ε.
KEPT_FROM = 1_000


@experiment("dataset-size")
def dataset_size(p: Profile) -> list[RunSpec]:
    """F2, F3, F4: finite data sets."""
    kept = tuple(sorted({max(1, round(share * p.steps)) for share in (0.05, 0.5, 1.0)}))
    large = {T for T, _, _ in p.sizes if T >= KEPT_FROM or T == p.size(2_000)}
    return [
        spec(T, seed, of=p.name, restarts=restarts,
             snapshots=kept if (seed, restarts) == (0, 1) and T in large else ())
        for T, seeds, restarts in p.sizes
        for seed in range(seeds)
    ]  # fmt: skip


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: finite data sets, and fresh data (T = ∞)."""
    return Evidence.stored(of).body(*measures)


def label(T: float) -> str:
    """Return "T = " and its size, as they are printed."""
    return f"T = {size(T)}"


def large(e: Evidence) -> list[float]:
    """Return the sizes of the generalising regime: T from 10,000 on, and ∞."""
    return [*e.between(10_000, math.inf), math.inf]


def bump(e: Evidence) -> pd.DataFrame:
    """Return the bump of each data seed: ``T`` of its top, its ``height``, and its ``rise``.

    The rise is the height above the higher of the two ends (T = 500 and 5,000 at the published
    size), with the mean over seeds at an end where a seed has no run; ``noise`` is twice the
    largest error of a test loss there.
    """
    inner = e.between(500, 5_000)
    rows = e.table("dataset-size").query("T in @inner")
    loss = rows.pivot_table(index="data_seed", columns="T", values="test_loss")
    ends = [min(inner), max(inner)]
    loss = loss[loss[ends[0]].notna()]
    middle = loss.drop(columns=ends)
    sides = loss[ends].fillna(e.table("dataset-size").groupby("T")["test_loss"].mean())
    return pd.DataFrame(
        {
            "T": middle.idxmax(axis=1),
            "height": middle.max(axis=1),
            "rise": middle.max(axis=1) - sides.max(axis=1),
            "noise": 2 * rows["test_error"].max(),
        }
    )


def published_losses(e: Evidence) -> pd.DataFrame:
    """Return F3 top as a table of text: test loss by T, published and ours, with its errors."""
    published = {T: "off the top of the figure" for T in paper.OFF_THE_TOP} | {
        T: f"{loss:.4f} ± {paper.BUMP_READING if T == 2_000 else paper.LOSS_READING:.4f}"
        for T, loss in paper.TEST_LOSS.items()
    }
    groups = e.body().groupby("T")
    ours = pd.DataFrame(
        {
            "ours ± sd over seeds": groups["test_loss"].agg(mean_sd, digits=4),
            "largest standard error": groups["test_error"].max().map("{:.1e}".format),
            "seeds": groups.size(),
        }
    )
    theirs = pd.DataFrame({"published (fig)": published})
    return beside(e.profile, theirs, ours)


# --- Claims -------------------------------------------------------------------------------------

_F3 = "F3, section on double descent"
_LOSS = "fig-double-descent"
# T: reading error of its published test loss; the curve is steep up to T = 15.
_READ_AT = {
    T: paper.BUMP_READING if T < 30 else paper.LOSS_READING for T in (8, 15, 30, 50, 100, 200)
}


@claim("F3-floor", source=_F3, published="none (fig)", figure=_LOSS)
def _floor(e: Evidence) -> Verdict:
    """Up to T = 2,000 no test loss is below that of the best constant output."""
    constant, error = e.constant
    found = e.table("dataset-size").query("T <= @e.profile.size(2_000)")
    excess = found["test_loss"] - constant
    above = excess > 2 * np.hypot(found["test_error"], error)
    return judge_each(above, f"least excess {excess.min():+.4f}: above by two standard errors")


@claim("F3-above-one", source=_F3, figure=_LOSS, at_quick=False,
       published="1.0015 to 1.022 ± 0.0003 (fig; judged by the sign)")  # fmt: skip
def _above_one(e: Evidence) -> Verdict:
    """From T = 15 to 200 the test loss is above 1: worse than no output."""
    parts = {}
    for T in (15, 30, 50, 100, 200):
        if not (found := e.at(T)).empty:
            noise = 2 * found["test_error"].max()
            parts[label(T)] = judge_sign(found["test_loss"] - 1, noise=noise, digits=4)
    return combine(parts)


@claim("F3-small", source=_F3, figure=_LOSS, at_quick=False,
       published="; ".join(f"{label(T)}: {paper.TEST_LOSS[T]:g} ± {v:g}"
                           for T, v in _READ_AT.items()) + " (fig)")  # fmt: skip
def _small(e: Evidence) -> Verdict:
    """Test losses of small training sets."""
    return combine(
        {
            label(T): judge_value(
                found["test_loss"], paper.TEST_LOSS[T], reading=reading, digits=4,
                # Wrong would be the loss of no output: with that all points are left alone.
                effect=abs(paper.TEST_LOSS[T] - 1),
            )
            for T, reading in _READ_AT.items() if not (found := e.at(T)).empty
        }
    )  # fmt: skip


@claim("F3-bump", source=_F3, published="+0.0145 ± 0.002 (fig; judged by its sign)", figure=_LOSS)
def _bump_rises(e: Evidence) -> Verdict:
    """Between T = 500 and 5,000 the test loss rises above both ends."""
    found = bump(e)
    return judge_sign(found["rise"], noise=found["noise"].max(), digits=4)


@claim("F3-bump-each", source="ours, beside F3", figure=_LOSS,
       published="mean of four seeds only (fig)")  # fmt: skip
def _bump_each(e: Evidence) -> Verdict:
    """In every data seed the loss rises there, by more than twice the largest error."""
    found = bump(e)
    listed = ", ".join(f"{r:+.4f}" for r in found["rise"])
    return judge_each(found["rise"] > found["noise"], f"rise {listed}: above two errors")


@claim("F3-bump-place", source=_F3, published="T = 2,000 (fig)", figure=_LOSS)
def _bump_place(e: Evidence) -> Verdict:
    """The bump peaks at T = 2,000."""
    expected, found = e.profile.size(2_000), bump(e)
    at = ", ".join(f"{T:,.0f}" for T in found["T"])
    holds = (found["T"] == expected) & (found["rise"] > found["noise"])
    compete = " and ".join(f"{T:,}" for T in e.between(500, 5_000)[1:-1])
    return judge_each(holds, f"highest at T = {at} (of {compete}): a bump at {expected:,}")


@claim("F3-bump-height", source=_F3, published="1.015 ± 0.002 (fig)", figure=_LOSS, at_quick=False)
def _bump_height(e: Evidence) -> Verdict:
    """Test loss on the bump, at T = 2,000."""
    published = paper.TEST_LOSS[2_000]
    return judge_value(
        e.at(e.profile.size(2_000))["test_loss"], published, reading=paper.BUMP_READING,
        effect=published - paper.TEST_LOSS[1_000], digits=4,
    )  # fmt: skip


def _at_large(e: Evidence, check: Callable[[pd.DataFrame], Verdict]) -> Verdict:
    """Combine a check at every large T; where there is one seed only it is shown, not judged."""
    rows = {T: e.at(T) for T in large(e)}
    found = {T: check(r) for T, r in rows.items()}
    single = {T for T, r in rows.items() if len(r) == 1}
    if single == set(found):
        single = set()
    verdict = combine({label(T): v for T, v in found.items() if T not in single})
    shown = [f"{label(T)}: {found[T].ours} (one seed, not judged)" for T in sorted(single)]
    return replace(verdict, ours="; ".join([verdict.ours, *shown]))


def _below(e: Evidence, level: float) -> Verdict:
    def check(found: pd.DataFrame) -> Verdict:
        noise = 2 * found["test_error"].max()
        return judge_sign(level - found["test_loss"], noise=noise, digits=4)

    return _at_large(e, check)


@claim("F3-below-one", source=_F3, figure=_LOSS,
       published="0.0012 ± 0.0003 (fig; judged by its sign)")  # fmt: skip
def _below_one(e: Evidence) -> Verdict:
    """From T = 10,000 on the test loss is below 1: by how much."""
    return _below(e, 1.0)


@claim("F3-below-constant", source="ours, tested on F3", published="not stated", figure=_LOSS)
def _below_constant(e: Evidence) -> Verdict:
    """From T = 10,000 on the test loss is below the best constant output's: by how much."""
    return _below(e, e.constant[0])


@claim("F3-plateau", source=_F3, published="0.9988 ± 0.0003 (fig)", figure=_LOSS, at_quick=False)
def _near_plateau(e: Evidence) -> Verdict:
    """From T = 10,000 on the test loss is near 0.9988."""
    published, reading = paper.TEST_LOSS[math.inf], paper.LOSS_READING
    effect = e.constant[0] - published  # wrong would be what a constant scores
    return _at_large(
        e,
        lambda found: judge_value(
            found["test_loss"], published, reading=reading, effect=effect, digits=5
        ),
    )
