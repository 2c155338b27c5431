"""Stored runs trained again: a random sample of them, compared bit by bit.

This is what makes an archive of others trustworthy without a day of computing. Where k of k runs
come out the same, fewer than 1 − 0.05^(1/k) of all stored runs are wrong, with 95 % confidence
(14 % for 20 of 20); where some differ, the bound is the exact one by Clopper and Pearson.

On another processor, or with other libraries, bits may differ though nothing is wrong: training is
chaotic, and the last digit of a sum grows. So a run whose bits differ is held against its *peers*,
the other stored trainings of the same settings, with other seeds. It is *within tolerance* if its
test loss has moved by no more than two of them differ by in 99 of 100 cases: √2 times their
standard deviation times Student's t, which knows how few they are. However chaotic the training,
of 100 sound runs one is outside. With fewer than `FEWEST` peers a run cannot be judged.
"""

import dataclasses
import math
import random
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from sdd.data import DataSettings
from sdd.measures.statistics import Share
from sdd.runs import journal, store, sweep
from sdd.runs.journal import Entry
from sdd.runs.spec import RunSpec
from sdd.training import files
from sdd.training.run import Run

__all__ = ["Compared", "bound", "drawn", "peers", "verify"]

FEWEST, CONFIDENCE = 3, 0.99  # peers needed; of sound runs within tolerance
SAME, WITHIN, OUTSIDE, UNJUDGED = "same bits", "within tolerance", "outside it", "not to be judged"
VERDICTS = SAME, WITHIN, OUTSIDE, UNJUDGED


@dataclass(frozen=True)
class Compared:
    """A stored run beside the same trained again.

    Parameters
    ----------
    spec : RunSpec
        Its settings.
    same : bool
        Whether all that the two files hold is the same.
    stored, again : float
        Their test losses.
    peers : tuple of float
        Test losses of the other stored trainings of the same settings.
    entry : Entry
        What the journal says of the stored one.

    Examples
    --------
    >>> from sdd.measures.verification import Compared
    >>> from sdd.runs.journal import Entry
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9))
    >>> Compared(spec, False, 1.0, 1.1, (1.0, 1.2, 1.1, 1.0), Entry(spec.name)).verdict
    'within tolerance'
    """

    spec: RunSpec
    same: bool
    stored: float
    again: float
    peers: tuple[float, ...]
    entry: Entry

    @property
    def tolerance(self) -> float:
        """By how much the test loss may have moved; NaN where there are too few peers."""
        losses = [loss for loss in self.peers if math.isfinite(loss)]
        if len(losses) < FEWEST:
            return math.nan
        t = stats.t.isf((1 - CONFIDENCE) / 2, len(losses) - 1)
        return float(t * math.sqrt(2) * statistics.stdev(losses))

    @property
    def verdict(self) -> str:
        """One of the four of this module."""
        if self.same:
            return SAME
        moved = abs(self.again - self.stored)
        if math.isnan(moved) or math.isnan(self.tolerance):
            return UNJUDGED
        return WITHIN if moved <= self.tolerance else OUTSIDE


def bound(right: int, of: int) -> float:
    """Return what share of all runs is wrong at most, with 95 % confidence, from a sample.

    Parameters
    ----------
    right, of : int
        How many of the sample are right, of how many.

    Returns
    -------
    float
        In [0, 1]; 1 − 0.05^(1/k) for k of k.

    Examples
    --------
    >>> from sdd.measures.verification import bound
    >>> [round(bound(k, 20), 3) for k in (20, 19, 0)]
    [0.139, 0.216, 1.0]
    """
    return 1 - Share(right, of).interval(0.90)[0]  # 95 % on one side


def drawn(specs: Iterable[RunSpec], sample: int, seed: int) -> list[RunSpec]:
    """Draw runs without replacement, each as likely as any other.

    Parameters
    ----------
    specs : iterable of RunSpec
        To draw from; in whatever order, and those named twice count once.
    sample : int
        How many; all of them where there are no more.
    seed : int
        The same draws the same.

    Returns
    -------
    list of RunSpec
        Those drawn.

    Examples
    --------
    >>> from sdd.findings import specs
    >>> from sdd.measures.verification import drawn
    >>> runs = specs("dataset-size", "quick")
    >>> drawn(runs, 3, seed=0) == drawn(reversed(runs), 3, seed=0)
    True
    """
    by_name = {s.name: s for s in specs}
    names = random.Random(seed).sample(sorted(by_name), min(sample, len(by_name)))
    return [by_name[name] for name in names]


def peers(spec: RunSpec, specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return the other runs of the same settings as this, with other seeds.

    Parameters
    ----------
    spec : RunSpec
        The run.
    specs : iterable of RunSpec
        Where to look.

    Returns
    -------
    list of RunSpec
        Those, without itself.

    Examples
    --------
    >>> from sdd.findings import specs
    >>> from sdd.measures.verification import peers
    >>> runs = specs("dataset-size", "quick")
    >>> runs[0] in peers(runs[0], runs), runs[0] in peers(runs[1], runs)
    (False, True)
    """
    return [s for s in dict.fromkeys(specs) if s != spec and _seedless(s) == _seedless(spec)]


def _seedless(spec: RunSpec) -> RunSpec:
    data = spec.data
    if isinstance(data, DataSettings):
        data = dataclasses.replace(data, seed=0)
    config, after = dataclasses.replace(spec.config, seed=0), spec.after and _seedless(spec.after)
    return dataclasses.replace(spec, data=data, config=config, after=after)


def verify(
    specs: Sequence[RunSpec], again: Path, jobs: int | None = None, among: Iterable[RunSpec] = ()
) -> list[Compared]:
    """Train stored runs again, in another store, and compare.

    Parameters
    ----------
    specs : sequence of RunSpec
        The runs, which must be stored in the default store.
    again : Path
        The other store.
    jobs : int or None
        As for `sdd.train_missing`.
    among : iterable of RunSpec
        Where to look for peers; those that are not stored do not count.

    Returns
    -------
    list of Compared
        One a run, in their order.

    Raises
    ------
    TrainingDiverged
        Where a run diverges.
    StoreError
        Where a run is not stored, or damaged.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.measures.verification import verify
    >>> from sdd.runs import make_run, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))
    >>> sdd.train_missing([spec], Path("again"), quiet=True)
    1
    >>> [run.verdict for run in verify([spec], Path("again"))]
    ['same bits']
    """
    sweep.train_missing(specs, again, jobs=jobs)
    noted, among = journal.entries(store.default_folder()), list(among)
    found = []
    for spec in specs:
        theirs, (ours,) = store.load(spec.name), sweep.fetch([spec], again)
        if theirs is None:  # what was stored is not trained again in its place
            raise store.StoreError(f"the stored run {spec.name} was removed or damaged meanwhile")
        same = _bytes(theirs) == _bytes(ours)
        others: list[float] = []
        if not same:
            runs = (store.load(s.name) for s in peers(spec, among))
            others = [run.test_loss for run in runs if run is not None]
        entry = noted.get(spec.name, Entry(spec.name))
        losses = theirs.test_loss, ours.test_loss
        found.append(Compared(spec, same, *losses, tuple(others), entry))
    return found


def _bytes(run: Run) -> bytes:
    """Return all that a run holds, as this version of the package writes it."""
    with tempfile.TemporaryDirectory() as scratch:
        files.write_run(run, Path(scratch) / "run")
        return (Path(scratch) / "run").read_bytes()
