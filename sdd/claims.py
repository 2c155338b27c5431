"""The paper's claims as checks on stored runs: statement, published value, ours, verdict.

A verdict follows from numbers by one rule. The tolerance is two standard deviations over seeds
plus the reading error of the published value. Where it exceeds the effect (the distance to what
one would see were the claim wrong), the claim is not judged. Nothing here is adjusted to make a
claim pass; `judge_value` and `judge_sign` are all the judging there is.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from sdd import experiments, metrics, paper, sweep, theory
from sdd.experiments import Profile
from sdd.summary import Summary, by_size, spread, summarize

__all__ = [
    "CLAIMS",
    "Claim",
    "Evidence",
    "Judgement",
    "Verdict",
    "angle_error",
    "combine",
    "five_apart",
    "judge",
    "judge_all",
    "judge_sign",
    "judge_value",
    "to_json",
]

REPRODUCED = "reproduced"
PARTLY = "partly"
NOT = "not reproduced"
NOISY = "not judged (too noisy)"
SMALL = "not judged at this size"


@dataclass(frozen=True)
class Verdict:
    """A verdict with the numbers that it follows from, as the scorecard prints them."""

    verdict: str
    ours: str
    spread: str


@dataclass(frozen=True)
class Judgement:
    """One line of the scorecard."""

    id: str
    source: str
    statement: str
    published: str
    ours: str
    spread: str
    verdict: str
    figure: str
    profile: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the claims look at: the summaries of a profile's runs, and the baselines."""

    profile: Profile
    finite: Sequence[Summary]
    fresh: Sequence[Summary]

    @classmethod
    def stored(cls, of: str | None = None) -> "Evidence":
        """Take the evidence from the stored runs of a profile.

        Raises
        ------
        MissingRuns
            Where runs are not stored and would take long to train.
        """
        names = ("dataset-size", "fresh-data")
        finite, fresh = (summarize(experiments.runs(name, of)) for name in names)
        return cls(experiments.profile(of), finite, fresh)

    @cached_property
    def sizes(self) -> dict[float, list[Summary]]:
        """Summaries of the finite training sets by T."""
        return by_size(self.finite)

    @cached_property
    def shown_fresh(self) -> list[Summary]:
        """The runs at T = ∞ with the batch that the figures show."""
        return [s for s in self.fresh if s.batch == self.profile.fresh[0][0]]

    @cached_property
    def constant(self) -> tuple[float, float]:
        """Loss of the best constant output on the test set, and its standard error."""
        p = self.profile
        losses = theory.constant_loss(
            sweep.test_set(p.n, p.sparsity), theory.feature_mean(p.n, p.sparsity), per_example=True
        )
        return metrics.standard_error(np.asarray(losses))

    @cached_property
    def zero(self) -> float:
        """Loss of the all-zero output on the test set."""
        p = self.profile
        return float(theory.constant_loss(sweep.test_set(p.n, p.sparsity), 0.0))

    def losses(self, T: float) -> list[float]:
        """Test losses of the data seeds at T."""
        found = self.shown_fresh if T == math.inf else self.sizes.get(T, [])
        return [s.run.test_loss for s in found]

    def between(self, low: float, high: float) -> list[float]:
        """Return the finite T of runs between two published sizes, in units of this profile."""
        first, last = (T if T == math.inf else self.profile.size(int(T)) for T in (low, high))
        return [T for T in self.sizes if first <= T <= last]


def judge_value(
    values: Sequence[float],
    published: float,
    *,
    effect: float,
    reading: float = 0.0,
    digits: int = 3,
    unit: str = "",
) -> Verdict:
    """Judge whether values over seeds agree with a published one.

    Parameters
    ----------
    values : sequence of float
        One value a seed.
    published : float
        The published (or predicted) value.
    effect : float
        Distance from the published value to what one would see were the claim wrong.
    reading : float
        Reading error of the published value.
    digits : int
        Digits after the point in what is printed.
    unit : str
        Printed after the values.

    Returns
    -------
    Verdict
        "not judged (too noisy)" where the tolerance, 2 standard deviations + reading, exceeds
        the effect, and where there is one seed only; else by |mean − published| ≤ tolerance.
    """
    mean, sd = spread(values)
    tolerance = 2 * sd + reading
    ours = f"{mean:.{digits}f}{unit}"
    if math.isnan(sd):
        return Verdict(NOISY, ours, "one seed")
    text = (
        f"sd {sd:.{digits}f} ({len(values)} seeds), tolerance {tolerance:.{digits}f}, "
        f"effect {effect:.{digits}f}"
    )
    if tolerance > effect:
        return Verdict(NOISY, ours, text)
    return Verdict(REPRODUCED if abs(mean - published) <= tolerance else NOT, ours, text)


def judge_sign(
    values: Sequence[float], *, noise: float = 0.0, digits: int = 3, label: str = ""
) -> Verdict:
    """Judge whether a quantity is positive beyond the spread over seeds.

    Parameters
    ----------
    values : sequence of float
        One value a seed; the claim says that the quantity is positive.
    noise : float
        Further uncertainty of each value, such as two standard errors of a test loss.
    digits : int
        Digits after the point in what is printed.
    label : str
        Printed before the value.

    Returns
    -------
    Verdict
        The effect is |mean|. "not judged (too noisy)" where the tolerance, 2 standard deviations
        + noise, exceeds it, and where there is one seed only; else by the sign of the mean.
    """
    mean, sd = spread(values)
    ours = f"{label}{mean:+.{digits}f}"
    if math.isnan(sd):
        return Verdict(NOISY, ours, "one seed")
    tolerance = 2 * sd + noise
    text = f"sd {sd:.{digits}f} ({len(values)} seeds), tolerance {tolerance:.{digits}f}"
    if tolerance > abs(mean):
        return Verdict(NOISY, ours, text)
    return Verdict(REPRODUCED if mean > 0 else NOT, ours, text)


def combine(parts: dict[str, Verdict]) -> Verdict:
    """Judge a claim of several parts.

    All parts reproduced: reproduced. All not: not reproduced. None judged: too noisy. Otherwise
    partly.
    """
    if not parts:
        return Verdict(NOISY, "no runs", "")
    verdicts = {v.verdict for v in parts.values()}
    verdict = verdicts.pop() if len(verdicts) == 1 else PARTLY
    if verdict == PARTLY and verdicts == {NOT, NOISY}:
        verdict = NOT
    return Verdict(
        verdict,
        "; ".join(f"{k}: {v.ours}" for k, v in parts.items()),
        "; ".join(f"{k}: {v.spread}" for k, v in parts.items() if v.spread),
    )


def _share(holds: Sequence[bool], what: str) -> Verdict:
    """Judge a claim that each run meets or not: all, some or none of them."""
    if not holds:
        return Verdict(NOISY, "no runs", "")
    verdict = REPRODUCED if all(holds) else PARTLY if any(holds) else NOT
    return Verdict(verdict, f"{what} in {sum(holds)} of {len(holds)} runs", "each run judged")


@dataclass(frozen=True)
class Claim:
    """A statement of the paper and how it is judged.

    Parameters
    ----------
    id : str
        Stable name, by figure.
    source : str
        Figure and section of the paper.
    statement : str
        In our words.
    published : str
        Published value with its reading error, or "text".
    figure : str
        Page and anchor of our figure.
    check : callable
        From the evidence to a verdict.
    at_quick : bool
        False for claims that say something only at the published size.
    """

    id: str
    source: str
    statement: str
    published: str
    figure: str
    check: Callable[[Evidence], Verdict]
    at_quick: bool = True


# --- F1: features at T = infinity ---------------------------------------------------------------


def five_apart(s: Summary) -> bool:
    """Tell whether five features stand apart: D₅ ≥ 1.5 D₆ and D₅ ≥ 0.15."""
    return bool(s.feature_D[4] >= 1.5 * s.feature_D[5] and s.feature_D[4] >= 0.15)


def angle_error(s: Summary) -> float:
    """Return by how many degrees, at most, the five features are from equal angles."""
    return metrics.equal_angle_error(s.features[metrics.strongest(s.features, 5)])


def _five_D(s: Summary) -> float:
    return float(s.feature_D[:5].mean())


def predicted_D(s: Summary) -> float:
    """Return the D that `theory` predicts for a run's pentagon from its settings and length r."""
    config = s.run.config
    five = s.features[metrics.strongest(s.features, 5)]
    r = float(np.sqrt((five.astype(float) ** 2).sum(1).mean()))
    return theory.predicted_pentagon_dimensionality(
        r, s.run.W.shape[1], config.weight_decay, float(config.rates().sum())
    )


def _same_on_batches(e: Evidence) -> Verdict:
    parts = {}
    reference = [_five_D(s) for s in e.shown_fresh]
    for batch, _ in e.profile.fresh[1:]:
        other = [_five_D(s) for s in e.fresh if s.batch == batch]
        shift = float(np.mean(reference))
        # Wrong would be another polygon: a square has 2/4 of the plane's D where we have 2/5.
        parts[f"batch {batch:,}"] = judge_value(other, shift, effect=shift / 4)
    return combine(parts)


# --- F2: data points in superposition -----------------------------------------------------------


def _polygon(T: int) -> Callable[[Evidence], Verdict]:
    def check(e: Evidence) -> Verdict:
        mean = [float(s.example_D.mean()) for s in e.sizes.get(T, [])]
        worst = [float(np.abs(s.example_D - 2 / T).max()) for s in e.sizes.get(T, [])]
        # Wrong would be one point fewer on the ring.
        effect = 2 / (T - 1) - 2 / T
        return combine(
            {
                "mean D": judge_value(mean, 2 / T, reading=paper.D_READING, effect=effect),
                "largest |D − 2/T|": judge_value(worst, 0, reading=paper.D_READING, effect=2 / T),
            }
        )

    return check


def _eight_fails(e: Evidence) -> Verdict:
    losses = np.concatenate([s.run.restart_losses for s in e.sizes.get(8, [])])
    kept = [s.run.train_loss > FAILED for s in e.sizes.get(8, [])]
    failed = int((losses > FAILED).sum())
    return Verdict(
        REPRODUCED if failed else NOT,
        f"{failed} of {losses.size} trainings failed, and {sum(kept)} of {len(kept)} after "
        "keeping the best parameter seed",
        f"failed: training loss above {FAILED}",
    )


FAILED = 0.05  # half of what leaving out one of ten points costs (1/10)


def _ring_of_30(e: Evidence) -> Verdict:
    counts = [int(metrics.on_ring(s.hidden).sum()) for s in e.sizes.get(30, [])]
    middle = float(np.mean(paper.RING_OF_30))
    return judge_value(counts, middle, reading=1.0, effect=30 - middle, digits=1, unit=" of 30")


# --- F3 and F4: regimes -------------------------------------------------------------------------


def _apart_from_10k(e: Evidence) -> Verdict:
    runs = [s for T in e.between(10_000, math.inf) for s in e.sizes[T]] + list(e.shown_fresh)
    return _share([five_apart(s) for s in runs], "five features apart")


def _none_before(e: Evidence) -> Verdict:
    runs = [s for T in e.sizes if 30 <= T <= e.profile.size(5_000) for s in e.sizes[T]]
    return _share([bool(s.feature_D[0] < 0.2) for s in runs], "no feature with D ≥ 0.2")


def _peak(e: Evidence, which: int) -> tuple[list[float], list[float]]:
    """T at which a norm peaks, and its value there, for each data seed that has every T."""
    tops: list[float] = []
    values: list[float] = []
    for seed in {s.seed for s in e.finite}:
        norms = {s.T: s.norms[which] for s in e.finite if s.seed == seed}
        tops.append(max(norms, key=lambda T: norms[T]))
        values.append(norms[tops[-1]])
    return tops, values


def _W_peak(e: Evidence) -> Verdict:
    tops, values = _peak(e, 0)
    at = ", ".join(f"{T:,}" for T in sorted(set(tops)))
    place = _share([T == paper.NORM_PEAK_AT for T in tops], f"at T = {at}: peak at T = 30")
    height = _share([10 <= v <= 100 for v in values], f"{np.mean(values):.1f}: in the tens")
    return combine({"place": place, "height": height})


def _W_plateau(e: Evidence) -> Verdict:
    largest = max(e.sizes)
    parts = {}
    for T, found in ((largest, e.sizes[largest]), (math.inf, e.shown_fresh)):
        values = [s.norms[0] for s in found]
        label = "T = ∞" if T == math.inf else f"T = {T:,}"
        reading = paper.NORM_READING * paper.NORM_PLATEAU
        # Wrong would be no fall: the height of the peak.
        effect = float(np.mean(_peak(e, 0)[1])) - paper.NORM_PLATEAU
        parts[label] = judge_value(
            values, paper.NORM_PLATEAU, reading=reading, effect=effect, digits=2
        )
    return combine(parts)


def _b_falls(e: Evidence) -> Verdict:
    W_tops, _ = _peak(e, 0)
    b_tops, _ = _peak(e, 1)
    runs = [s for T in e.between(10_000, math.inf) for s in e.sizes[T]] + list(e.shown_fresh)
    return combine(
        {
            "peak": _share(
                [a == b for a, b in zip(W_tops, b_tops, strict=True)], "‖b‖ peaks with ‖W‖"
            ),
            "large T": _share([s.norms[1] < 1 for s in runs], "‖b‖ < 1"),
        }
    )


# --- F3 top: test loss --------------------------------------------------------------------------


def _floor(e: Evidence) -> Verdict:
    constant, error = e.constant
    parts = {}
    for T, found in e.sizes.items():
        if T <= e.profile.size(2_000):
            noise = 2 * max(math.hypot(s.run.test_error, error) for s in found)
            excess = [s.run.test_loss - constant for s in found]
            parts[f"T = {T:,}"] = judge_sign(excess, noise=noise, digits=4)
    return combine(parts)


def _above_one(e: Evidence) -> Verdict:
    parts = {}
    for T in (15, 30, 50, 100, 200):
        found = e.sizes.get(T, [])
        if found:
            noise = 2 * max(s.run.test_error for s in found)
            values = [s.run.test_loss - 1 for s in found]
            parts[f"T = {T}"] = judge_sign(values, noise=noise, digits=4)
    return combine(parts)


def bump(e: Evidence) -> tuple[list[float], list[float], list[float]]:
    """Return, for each data seed, where the bump peaks, its height, and its rise.

    The rise is the height above the higher of the two ends (T = 500 and 5,000 at the published
    size), with the mean over seeds at an end where a seed has no run.
    """
    inner = e.between(500, 5_000)
    ends = (min(inner), max(inner))
    places: list[float] = []
    heights: list[float] = []
    rises: list[float] = []
    for seed in sorted({s.seed for s in e.sizes[ends[0]]}):
        loss = {T: {s.seed: s.run.test_loss for s in e.sizes[T]}.get(seed) for T in inner}
        middle = {T: v for T, v in loss.items() if v is not None and T not in ends}
        top = max(middle, key=lambda T: middle[T])
        sides = [v if (v := loss[T]) is not None else float(np.mean(e.losses(T))) for T in ends]
        places.append(top)
        heights.append(middle[top])
        rises.append(middle[top] - max(sides))
    return places, heights, rises


def _bump_rises(e: Evidence) -> Verdict:
    noise = 2 * max(s.run.test_error for T in e.between(500, 5_000) for s in e.sizes[T])
    return judge_sign(bump(e)[2], noise=noise, digits=4)


def _bump_place(e: Evidence) -> Verdict:
    expected = e.profile.size(2_000)
    places = bump(e)[0]
    at = ", ".join(f"{T:,}" for T in places)
    return _share([T == expected for T in places], f"peak at T = {at}: T = {expected:,}")


def _bump_height(e: Evidence) -> Verdict:
    return judge_value(
        e.losses(e.profile.size(2_000)),
        paper.TEST_LOSS[2_000],
        reading=paper.BUMP_READING,
        effect=paper.TEST_LOSS[2_000] - paper.TEST_LOSS[1_000],
        digits=4,
    )


def _below_one(e: Evidence) -> Verdict:
    parts = {}
    for T in [*e.between(10_000, math.inf), math.inf]:
        found = e.shown_fresh if T == math.inf else e.sizes[T]
        noise = 2 * max(s.run.test_error for s in found)
        label = "T = ∞" if T == math.inf else f"T = {T:,}"
        parts[label] = judge_sign([1 - s.run.test_loss for s in found], noise=noise, digits=4)
    return combine(parts)


def _near_plateau(e: Evidence) -> Verdict:
    parts = {}
    for T in [*e.between(10_000, math.inf), math.inf]:
        label = "T = ∞" if T == math.inf else f"T = {T:,}"
        published = paper.TEST_LOSS[T]
        parts[label] = judge_value(
            e.losses(T), published, reading=paper.LOSS_READING, effect=1 - published, digits=4
        )
    return combine(parts)


_F1 = "F1, section on the infinite-data regime"
_F2 = "F2, section on data points in superposition"
_F3 = "F3, section on double descent"
_F4 = "F4, section on the two regimes"
_D = f"± {paper.D_READING} (fig)"

CLAIMS = (
    Claim("F1-pentagon", _F1, "With unlimited data five features stand apart from all others",
          "five features (fig)", "book/setup.html#fig-pentagon",
          lambda e: _share([five_apart(s) for s in e.shown_fresh], "five features apart")),
    Claim("F1-angles", _F1, "The five features are at equal angles: largest deviation from 72°",
          "0° ± 3° (fig)", "book/setup.html#fig-pentagon",
          lambda e: judge_value([angle_error(s) for s in e.shown_fresh], 0, reading=3,
                                effect=12, digits=1, unit="°")),
    Claim("F1-D", _F1, "Mean D of the five features", f"0.255 {_D}", "book/setup.html#fig-pentagon",
          lambda e: judge_value([_five_D(s) for s in e.shown_fresh], 0.255,
                                reading=paper.D_READING, effect=2 / 5 - 0.255), at_quick=False),
    Claim("F1-D-theory", "ours, tested against F1",
          "Measured D of the five less the D predicted from what is left of the initialisation",
          "0 (formula)", "book/setup.html#fig-pentagon",
          lambda e: judge_value([_five_D(s) - predicted_D(s) for s in e.shown_fresh], 0,
                                reading=paper.D_READING, effect=2 / 5 - 0.255)),
    Claim("F1-batch", "ours: the paper states no batch size",
          "The mean D of the five does not hang on the number of fresh rows per step",
          "same as the batch shown", "book/setup.html#fig-pentagon", _same_on_batches),
    *(Claim(f"F2-T{T}", _F2, f"At T = {T} every data point has D = 2/{T} (a regular {T}-gon)",
            f"{2 / T:.3f} {_D}", "book/data-points.html#fig-polygons", _polygon(T))
      for T in (5, 6, 10)),
    Claim("F2-T8", _F2, "At T = 8 training can fail: the published model is a fan, not an octagon",
          "one failure shown (fig)", "book/data-points.html#fig-polygons", _eight_fails),
    Claim("F2-T30", _F2, "At T = 30 about 21 data points are on a ring and the rest near zero",
          "21 to 22 ± 1 (fig)", "book/data-points.html#fig-polygons", _ring_of_30, at_quick=False),
    Claim("F3-features", _F3, "From T = 10,000 five features stand apart (D₅ ≥ 1.5 D₆, D₅ ≥ 0.15)",
          "five, D 0.23–0.25 (fig)", "book/regimes.html#fig-dimensionality", _apart_from_10k),
    Claim("F3-no-features", _F3, "From T = 30 to 5,000 no feature reaches D = 0.2",
          "none (fig)", "book/regimes.html#fig-dimensionality", _none_before),
    Claim("F4-W-peak", _F4, "‖W‖ peaks around T = 30, in the tens",
          "T ≈ 30 (text)", "book/regimes.html#fig-norms", _W_peak, at_quick=False),
    Claim("F4-W-plateau", _F4, "‖W‖ falls to a plateau near √5 for large T",
          "2.24 ± 5 % (text)", "book/regimes.html#fig-norms", _W_plateau),
    Claim("F4-b", _F4, "‖b‖ peaks together with ‖W‖ and falls below 1 at large T",
          "text", "book/regimes.html#fig-norms", _b_falls, at_quick=False),
    Claim("F3-floor", _F3, "Up to T = 2,000 no test loss is below that of the best constant output",
          "none (fig)", "book/double-descent.html#fig-double-descent", _floor),
    Claim("F3-above-one", _F3, "From T = 15 to 200 the test loss is above 1: worse than no output",
          "1.0015 to 1.022 ± 0.0003 (fig)", "book/double-descent.html#fig-double-descent",
          _above_one, at_quick=False),
    Claim("F3-bump", _F3, "Between T = 500 and 5,000 the test loss rises above both ends",
          "+0.0145 (fig)", "book/double-descent.html#fig-double-descent", _bump_rises),
    Claim("F3-bump-place", _F3, "The bump peaks at T = 2,000", "T = 2,000 (fig)",
          "book/double-descent.html#fig-double-descent", _bump_place),
    Claim("F3-bump-height", _F3, "Test loss on the bump, at T = 2,000", "1.015 ± 0.002 (fig)",
          "book/double-descent.html#fig-double-descent", _bump_height, at_quick=False),
    Claim("F3-below-one", _F3, "From T = 10,000 on the test loss is below 1",
          "0.9988 ± 0.0003 (fig)", "book/double-descent.html#fig-double-descent", _below_one),
    Claim("F3-plateau", _F3, "From T = 10,000 on the test loss is near 0.9988",
          "0.9988 ± 0.0003 (fig)", "book/double-descent.html#fig-double-descent", _near_plateau,
          at_quick=False),
)  # fmt: skip


def judge(claim: Claim, evidence: Evidence) -> Judgement:
    """Judge one claim on the evidence."""
    if evidence.profile.name == "quick" and not claim.at_quick:
        verdict = Verdict(SMALL, "–", "")
    else:
        verdict = claim.check(evidence)
    return Judgement(
        id=claim.id,
        source=claim.source,
        statement=claim.statement,
        published=claim.published,
        ours=verdict.ours,
        spread=verdict.spread,
        verdict=verdict.verdict,
        figure=claim.figure,
        profile=evidence.profile.name,
    )


def judge_all(evidence: Evidence) -> list[Judgement]:
    """Judge every claim on the evidence."""
    return [judge(claim, evidence) for claim in CLAIMS]


def to_json(judgements: Sequence[Judgement]) -> str:
    """Return the scorecard as JSON: a list of objects, one a claim."""
    return json.dumps([asdict(j) for j in judgements], indent=1, ensure_ascii=False) + "\n"
