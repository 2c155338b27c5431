"""Claims on how much of a training is luck: C10, the text on m > 3, and the best of several."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool

from sdd import engine, paper
from sdd.data import Dataset, DataSettings
from sdd.findings.claims.claim import Claim, label
from sdd.findings.claims.polygons import failed
from sdd.findings.evidence import Evidence
from sdd.findings.rule import (
    NOISY,
    NOT,
    REPRODUCED,
    Verdict,
    combine,
    judge_each,
    judge_sign,
    judge_value,
)
from sdd.measures import arrangements
from sdd.measures import statistics as luck
from sdd.measures.summary import Summary

__all__ = ["CLAIMS", "FAILED", "by_data", "examples", "fan_angles", "is_fan", "lost", "lost_points",
           "mixed_loss", "outcome", "outcomes", "seeds"]  # fmt: skip

FAILED = "failed"
OF_FOUR = 4  # models averaged at each T of the paper's F3


def lost(s: Summary) -> bool:
    """Tell whether a training failed: its loss is above half of one point's share."""
    return bool(failed(s.T, s.run.train_loss))


def lost_points(s: Summary) -> Bool[np.ndarray, " T"]:
    """Tell which points are not memorised: their own loss is above 1/2T, so a failure has one."""
    assert isinstance(s.run.data, DataSettings)
    data = s.run.data.make()
    assert isinstance(data, Dataset)
    return failed(s.T, engine.loss(s.run.W, s.run.b, data, per_example=True))


def is_fan(s: Summary) -> bool:
    """Tell whether a model is what C10 describes: unlike circles, and a wide angular gap."""
    unlike = arrangements.circles(s.hidden).max() > 0
    return bool(unlike) and arrangements.kind(s.hidden) == arrangements.FAN


def outcome(s: Summary) -> str:
    """Name what a training came to: `FAILED`, or the arrangement of what it memorised."""
    return FAILED if lost(s) else arrangements.kind(s.hidden)


def outcomes(found: Sequence[Summary]) -> dict[str, list[Summary]]:
    """Group trainings by `outcome`: arrangements first, failures last, none that is empty."""
    groups: dict[str, list[Summary]] = {name: [] for name in (*arrangements.KINDS, FAILED)}
    for s in found:
        groups[outcome(s)].append(s)
    return {name: group for name, group in groups.items() if group}


def by_data(found: Sequence[Summary], m: int) -> dict[float, list[list[Summary]]]:
    """Group trainings of m hidden dimensions by T, and those of a T by data seed."""
    groups: dict[float, dict[int, list[Summary]]] = {}
    for s in found:
        if s.run.config.m == m:
            groups.setdefault(s.T, {}).setdefault(s.seed, []).append(s)
    return {T: [seeds[k] for k in sorted(seeds)] for T, seeds in sorted(groups.items())}


def seeds(found: Sequence[Summary], what: str = "train_loss") -> list[float]:
    """Return the training losses, or the test losses, of trainings."""
    return [float(getattr(s.run, what)) for s in found]


def examples(found: Sequence[Summary], count: int = 3) -> list[Summary]:
    """Return a few trainings of one outcome, evenly spaced in the order of their ‖W‖."""
    ordered = sorted(found, key=lambda s: s.norms[0])
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered)))
    return [ordered[round(k)] for k in places]


def fan_angles(s: Summary) -> tuple[float, float]:
    """Return the angle between neighbours on a fan's fullest circle, and the least that fits.

    The latter is arccos(1 − 1/r²) for the circle's radius r: see `arrangements.slack`.
    """
    ring = s.hidden[arrangements.main(s.hidden)].astype(float)
    r = float(np.linalg.norm(ring, axis=1).mean())
    steps = max(1, len(ring) - 1)
    least = np.degrees(np.arccos(np.clip(1 - 1 / r**2, -1, 1)))
    return (360.0 - arrangements.widest_gap(ring)) / steps, float(least)


def _occurs(e: Evidence) -> Verdict:
    found = e.of("eight-points")
    fans = Counter(s.seed for s in found if is_fan(s))
    per = ", ".join(str(fans[seed]) for seed in sorted({s.seed for s in found}))
    return Verdict(
        REPRODUCED if fans and fans.total() < len(found) else NOT,
        f"in {fans.total()} of {len(found)} trainings (by data seed: {per})",
        "sometimes: in some trainings, not in all",
    )


def _fans_fail(e: Evidence) -> Verdict:
    return judge_each([lost(s) for s in e.of("eight-points") if is_fan(s)], "a point lost")


def _failures_are_fans(e: Evidence) -> Verdict:
    return judge_each([is_fan(s) for s in e.of("eight-points") if lost(s)], "a fan")


def mixed_loss(e: Evidence) -> list[float]:
    """Return the mean test loss of one failed fan and three that memorise, for each failed fan."""
    found = e.of("eight-points")
    right = [s.run.test_loss for s in found if not lost(s)]
    wrong = [s.run.test_loss for s in found if lost(s) and is_fan(s)]
    if not right:
        return []
    return [float((w + (OF_FOUR - 1) * np.mean(right)) / OF_FOUR) for w in wrong]


def _one_of_four(e: Evidence) -> Verdict:
    values = mixed_loss(e)
    if not values:
        return Verdict(NOISY, "no failed fan beside models that memorise", "")
    published = paper.TEST_LOSS[8]
    right = [s.run.test_loss for s in e.of("eight-points") if not lost(s)]
    return judge_value(
        values, published, reading=paper.LOSS_READING, digits=4,
        effect=published - float(np.mean(right)),  # wrong would be four that memorise
        of="failed fans",
    )  # fmt: skip


def _steadier(what: str) -> Callable[[Evidence], Verdict]:
    def check(e: Evidence) -> Verdict:
        two, four = (by_data(e.of("initial-weights"), m) for m in (2, 4))
        parts = {}
        for T in two:
            pairs = zip(two[T], four.get(T, []), strict=False)
            ratios = [luck.steadier(seeds(a, what), seeds(b, what)) for a, b in pairs]
            parts[label(T)] = judge_sign(ratios, digits=1) if ratios else Verdict(NOISY, "–", "")
        return combine(parts)

    return check


def _best_tests_better(m: int) -> Callable[[Evidence], Verdict]:
    def check(e: Evidence) -> Verdict:
        parts = {}
        for T, sets in by_data(e.of("initial-weights"), m).items():
            gains = []
            for found in sets:
                test = seeds(found, "test_loss")
                gains.append(float(np.mean(test)) - luck.best_of(len(found), seeds(found), test))
            noise = 2 * max(s.run.test_error for found in sets for s in found)
            parts[label(T)] = judge_sign(gains, noise=noise, digits=4)
        return combine(parts)

    return check


_EIGHT = "book/optimisation.html#fig-eight-points"
_SPREAD = "book/optimisation.html#fig-parameter-spread"
_BEST = "book/optimisation.html#fig-best-of"
_C10 = "C10, comment by Olah and Henighan"
_TEXT = "the paper, experiment setup (text)"

CLAIMS = (
    Claim("C10-occurs", _C10, "At T = 8 training sometimes ends with points on circles of unlike "
          "radius and a wide angular gap (the fullest circle within a half-plane)",
          "sometimes (text)", _EIGHT, _occurs, needs=("eight-points",)),
    Claim("C10-failures", _C10, "Such a fan is a failure: it has lost a point "
          "(training loss above 1/16)",
          "an optimisation failure (text)", _EIGHT, _fans_fail, needs=("eight-points",)),
    Claim("opt-failures", "ours, beside C10", "A training that lost a point at T = 8 is such a fan",
          "not stated", _EIGHT, _failures_are_fans, needs=("eight-points",)),
    Claim("opt-one-of-four", "ours: a guess, made when the runs were seen, tested on F3",
          "Mean test loss at T = 8 of one failed fan and three that memorise: as the paper's",
          f"{paper.TEST_LOSS[8]} ± {paper.LOSS_READING} (fig)", _EIGHT, _one_of_four,
          at_quick=False, needs=("eight-points",)),
    Claim("F-steadier", _TEXT, "Training is steadier at m = 4 than at m = 2: log₁₀ of the ratio of "
          "standard deviations of the training loss over parameter seeds, positive at every T",
          "much steadier for m > 3 (text)", _SPREAD, _steadier("train_loss"),
          needs=("initial-weights",)),
    Claim("F-steadier-test", _TEXT, "The same for the test loss",
          "much steadier for m > 3 (text)", _SPREAD, _steadier("test_loss"),
          needs=("initial-weights",)),
    *(Claim(f"opt-best-{m}", "ours", f"At m = {m} the seed of the lowest training loss has a test "
            "loss below the mean of all seeds: by how much, at every T", "not stated", _BEST,
            _best_tests_better(m), needs=("initial-weights",))
      for m in (2, 4)),
)  # fmt: skip
