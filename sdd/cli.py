"""The command line: python -m sdd run | list | status | claims | export | import | verify | …."""

import argparse
import contextlib
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from sdd import findings
from sdd.data import EXACT, Dataset, DataSettings
from sdd.findings import Evidence, scorecard
from sdd.names import did_you_mean, printable, what_failed
from sdd.runs import archive, cluster, importing, store, sweep, upkeep
from sdd.runs.on_the_spot import agreed
from sdd.runs.pool import WorkerDied
from sdd.runs.progress import plural
from sdd.runs.spec import RunSpec, check_feasible
from sdd.training import TrainingDiverged
from sdd.training.config import TrainConfig

__all__ = ["main", "parse"]

RUN = re.compile(r"[0-9a-f]{16}")  # the name of a run
DEVICE = (
    'where to train: "cpu" (the default: the engine), "cuda" or another device of PyTorch, or '
    '"auto": a GPU where there is one and it is likely to be faster. Also with names of '
    "experiments; runs made on another device than the CPU have names of their own, and the book's "
    "pages do not ask for them"
)


def _number(text: str) -> float:
    """Read a whole number, a real number or "inf", as the settings take them."""
    with contextlib.suppress(ValueError):
        return int(text)  # every digit of it, which a float may not hold
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or inf, not {text!r}") from None
    return int(value) if value.is_integer() and abs(value) < EXACT else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sdd", description="Train, list and judge the runs of the book."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", help="quick, paper or full (default: $PROFILE, or paper)")
    add = partial(commands.add_parser, parents=[profile])

    run = add(
        "run",
        help="train the runs that are not stored yet",
        description="Train what is not stored yet: all experiments of a profile, those named, or "
        "one run of any settings (such as --T 20 --data-seed 3 --steps 10000; what is not given "
        "is the profile's). Finished runs are stored, and of those in training a checkpoint is "
        "kept every 15 seconds: stopped at any time, the same command continues from there.",
    )
    run.add_argument(
        "experiments", nargs="*", metavar="EXPERIMENT", help="names, or those of runs; see `list`"
    )
    run.add_argument(
        "--jobs",
        type=int,
        help="processes, and threads of all of them together (default: one per core); to change "
        "it, stop with Ctrl-C and run the same command with another: it continues from the "
        "checkpoints kept",
    )
    run.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="train on the Dask cluster whose scheduler is there, such as tcp://10.0.0.1:8786; its "
        "machines need this package, as this one needs sdd[cluster]; finished runs are stored here",
    )
    group = run.add_argument_group("settings of one run")
    for name, default in _settings().items():
        kind = str if isinstance(default, str) else _number
        if name == "device":
            group.add_argument("--device", help=DEVICE)
            continue
        group.add_argument(_flag(name), type=kind, metavar=_flag(name)[2:].upper())
    planted = "a planted start: tgon:F, ring:K:r:b or top-ring:K:r:b, see sdd.training.starts"
    group.add_argument("--start", help=planted)
    group.add_argument("--snapshots", type=int, nargs="+", metavar="STEP")

    out = add(
        "export",
        help="write stored runs into one archive",
        description="Write the stored runs of a profile, or of the experiments named, into one "
        "archive (a tar file), with a manifest: settings, hashes, when and where each was trained. "
        "The same runs always give the same bytes.",
    )
    out.add_argument("archive", type=Path, metavar="FILE")
    out.add_argument(
        "experiments", nargs="*", metavar="EXPERIMENT", help="names, or those of runs; see `list`"
    )
    out.add_argument("--force", action="store_true", help="replace FILE if it is there")
    taken = commands.add_parser(
        "import",
        help="take the runs of an archive into the store",
        description="Add those runs of an archive that are not stored yet. Every file is checked, "
        "and none that is stored is overwritten.",
    )
    taken.add_argument("archive", type=Path, metavar="FILE")
    check = add(
        "verify",
        help="train a random sample of the stored runs again, and compare bits",
        description="Train a random sample of the stored runs again, elsewhere than in the store, "
        "and compare bits. Where they differ, as on another processor they may, the test loss is "
        "held against the spread of trainings of the same settings.",
    )
    check.add_argument(
        "experiments", nargs="*", metavar="EXPERIMENT", help="names, or those of runs; see `list`"
    )
    check.add_argument("--sample", type=int, default=20, help="how many runs (default: 20)")
    check.add_argument("--seed", type=int, help="draws the sample (default: another every time)")
    check.add_argument("--jobs", type=int, help="as for `run`")
    clean = commands.add_parser(
        "clean", help="delete the stored runs, and nothing else in the folder"
    )
    clean.add_argument("--yes", action="store_true", help="do not ask")
    add("list", help="list the experiments and their runs' settings")
    add("status", help="how many runs are stored, and the share of the work that is left")
    judged = add("claims", help="judge the paper's claims on the stored runs")
    judged.add_argument("--json", type=Path, help="also write the scorecard to this file")
    speed = commands.add_parser("bench", help="time a training step against PyTorch")
    speed.add_argument("--json", type=Path, help="also write the results to this file, and a plot")
    speed.add_argument("--short", action="store_true", help="less of it: below two minutes")
    return parser


def _settings() -> dict[str, Any]:
    """Return every setting of a run with its default; the data's seed is "data_seed"."""
    found = {"data_seed" if f.name == "seed" else f.name: f.default for f in fields(DataSettings)}
    return found | {f.name: f.default for f in fields(TrainConfig)}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _specs(args: argparse.Namespace) -> list[RunSpec]:
    """Return the runs asked for: those of experiments, or one of the settings given."""
    asked = (*_settings(), "start", "snapshots") if args.command == "run" else ()
    given = {name: value for name in asked if (value := getattr(args, name)) is not None}
    if not given or (args.experiments and given.keys() == {"device"}):
        names = args.experiments or list(findings.EXPERIMENTS)
        specs = [s for name in names for s in _asked(name, args.profile)]
        return [replace(s, config=replace(s.config, **given)) for s in specs] if given else specs
    if args.experiments:
        both = f"{' '.join(args.experiments)} and {', '.join(map(_flag, given))}"
        raise ValueError(f"name experiments or give settings, not both: {both}")
    if "T" not in given:
        raise ValueError("a run of your own needs --T, the number of data points (or inf)")
    start, snapshots = given.pop("start", ""), tuple(given.pop("snapshots", ()))
    chosen = findings.spec(given.pop("T"), given.pop("data_seed", 0), of=args.profile, **given)
    return [replace(chosen, start=start, snapshots=snapshots)]


@cache
def _by_name(of: str) -> dict[str, RunSpec]:
    return {s.name: s for name in findings.EXPERIMENTS for s in findings.specs(name, of)}


def _asked(name: str, of: str) -> list[RunSpec]:
    """Return the runs of an experiment, or the one of that name."""
    if not RUN.fullmatch(name):
        return findings.specs(name, of)
    if name not in _by_name(of):
        raise ValueError(f"no experiment of the profile {of} has a run named {name}")
    return [_by_name(of)[name]]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the arguments of a command, checked; `specs` are the runs that `run` is to train.

    Raises
    ------
    ValueError
        Where a name or a value breaks its rule, or a run cannot be trained on this machine.
    ImportError
        Where Dask is asked for and not installed.
    """
    args, rest = _parser().parse_known_args(argv)
    if rest:
        options = map(_flag, vars(args).keys() - {"command", "experiments"})
        raise ValueError(f"{args.command} takes no {rest[0]}{did_you_mean(rest[0], options)}")
    if hasattr(args, "profile"):
        args.profile = findings.profile(args.profile).name
    for name, least in (("jobs", 1), ("sample", 1), ("seed", 0)):
        if (value := getattr(args, name, None)) is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    if hasattr(args, "experiments"):
        args.specs = _specs(args)
    if args.command == "run":
        if args.dask is not None:
            if args.jobs is not None:
                raise ValueError(f"give --jobs or --dask, not both: {args.jobs} and {args.dask}")
            cluster.require_dask()
        if len(args.specs) == 1 and args.dask is None:
            check_feasible(args.specs[0])
    return args


def _run(args: argparse.Namespace) -> None:
    lacking = sweep.missing(args.specs)
    total = len({*args.specs, *lacking})  # with those that they begin after
    print(f"{total - len(lacking)} of {plural(total, 'run')} stored in {store.default_folder()}")
    if lacking:
        where = f" on the Dask cluster at {args.dask}" if args.dask is not None else ""
        print(f"training {plural(len(lacking), 'run')}{where}", flush=True)
    sweep.train_missing(args.specs, jobs=args.jobs, dask=args.dask)
    if len(set(args.specs)) == 1:
        (made,) = sweep.fetch(args.specs[:1])
        print(f"training loss {made.train_loss:.6g}, test loss {made.test_loss:.6g} "
              f"± {made.test_error:.1g}: {store.path(args.specs[0].name)}")  # fmt: skip


def _list(args: argparse.Namespace) -> None:
    for name, experiment in findings.EXPERIMENTS.items():
        print(f"{name}: {experiment.description}")
        for s in findings.specs(name, args.profile):
            print(f"  {s.name}  {_described(s)}")


def _described(spec: RunSpec) -> str:
    """Return the settings of a run in one line."""
    if spec.own:
        of = "data" if isinstance(spec.data, Dataset) else "a model" if spec.model else "a test set"
        how = "after another run" if spec.after else f"with {of} of one's own"
        return f"T = {spec.data.T:,}, {how}: no command, but sdd.fetch trains it"
    return spec.command().removeprefix("python -m sdd run ")


def _status(args: argparse.Namespace) -> None:
    print(f"profile {args.profile}, runs in {store.default_folder()}")
    by_name = {name: findings.specs(name, args.profile) for name in findings.EXPERIMENTS}
    missing = {name: sweep.missing(specs) for name, specs in by_name.items()}
    wanted = {name: {*specs, *missing[name]} for name, specs in by_name.items()}
    # Two experiments may share runs; those are in it, too, that others begin after.
    total = sum(s.weight for s in set[RunSpec]().union(*wanted.values()))
    left: dict[RunSpec, float] = {}
    for name, specs in wanted.items():
        lacking = {s: s.weight for s in missing[name]}
        left |= lacking
        rest = f", the rest {sum(lacking.values()) / total:.1%} of all work" if lacking else ""
        title = findings.EXPERIMENTS[name].description.rstrip(".")
        print(f"  {name} ({title}): {len(specs) - len(lacking)} of {len(specs)} stored{rest}")
    share = sum(left.values()) / total if left else 0
    print(f"{plural(len(left), 'run')} left, {share:.1%} of all work" if left else "all stored")


def _claims(args: argparse.Namespace) -> None:
    specs = {s for e in findings.EXPERIMENTS for s in findings.specs(e, args.profile)}
    if lacking := sweep.missing(specs):  # judging trains nothing
        raise sweep.MissingRuns(
            sweep.not_stored(len(lacking), len(specs.union(lacking))),
            f"python -m sdd run --profile {args.profile}",
        )
    judged = scorecard.judge_all(Evidence.stored(args.profile))
    width, words = max(len(j.key) for j in judged), max(len(j.verdict) for j in judged)
    for j in judged:
        ours = f"{j.ours}, true if {j.region}"
        print(f"{j.key:{width}}  {j.verdict:{words}}  ours {ours}; published {j.published}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(scorecard.to_json(judged), encoding="utf-8")


def _clean(args: argparse.Namespace) -> None:
    folder = store.default_folder()
    found = upkeep.own_files(folder)
    if not found:
        print(f"no stored runs in {folder}")
        return
    size = sum(file.lstat().st_size for file in found)
    print(f"{plural(len(found), 'file')} of stored runs in {folder}, {size / 1e6:,.0f} MB")
    if not args.yes and not agreed("Delete them? They can only be trained again."):
        print("kept (where nobody can be asked, YES=1 or --yes deletes them)")
        return
    upkeep.delete(found, folder)
    print("deleted")


def _export(args: argparse.Namespace) -> None:
    names = args.experiments or list(findings.EXPERIMENTS)
    about = {"profile": args.profile, "experiments": names}
    try:
        digest = archive.export_runs(args.specs, args.archive, force=args.force, **about)
    except sweep.MissingRuns as error:
        command = ["python -m sdd run", *args.experiments, "--profile", args.profile]
        raise sweep.MissingRuns(error.said, " ".join(command)) from None
    print(f"{plural(len(set(args.specs)), 'run')} of the profile {args.profile} in {args.archive}, "
          f"{args.archive.stat().st_size / 1e6:,.1f} MB, SHA-256 {digest}")  # fmt: skip


def _import(args: argparse.Namespace) -> int:
    found = importing.import_runs(args.archive)
    print(f"runs of {args.archive}, in {store.default_folder()}:\n{found}")
    return int(bool(found.damaged))


def _verify(args: argparse.Namespace) -> int:
    from sdd.findings import verify

    return verify.main(args.specs, args.profile, args.sample, args.seed, args.jobs)


def _bench(args: argparse.Namespace) -> None:
    from sdd import bench  # PyTorch takes seconds to import

    bench.main(args.json, args.short)


COMMANDS = {
    "run": _run,
    "list": _list,
    "status": _status,
    "claims": _claims,
    "export": _export,
    "import": _import,
    "verify": _verify,
    "clean": _clean,
    "bench": _bench,
}
CONTINUES = "runs that have finished are stored, and the same command continues from there"


class _Signalled(KeyboardInterrupt):
    """A signal that ends this process as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let TERM and HUP stop what is done within as Ctrl-C does; not where nohup ignores one."""

    def stop(number: int, frame: Any) -> None:
        raise _Signalled(number)

    asked = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        asked = []  # only that one may set handlers
    taken = [s for s in asked if signal.getsignal(s) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 2 after bad input, 1 after a failure, 128 + the signal's number.

    A ValueError counts as bad input only where it is raised by `parse`: one that the work itself
    raises is a fault of this package, and keeps its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # "±" is an escape where it cannot be shown
            stream.reconfigure(errors="backslashreplace")
    try:
        args = parse(argv)
    except (ValueError, ImportError, MemoryError) as error:
        return _failed(error, 2)
    code = 0
    try:
        with _stopped_by_signals():
            code = COMMANDS[args.command](args) or 0
        sys.stdout.flush()  # here, where a closed pipe is caught, and not when Python exits
    except BrokenPipeError:  # such as `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, sweep.MissingRuns, MemoryError) as error:
        return _failed(error, 2)
    except TrainingDiverged as error:
        return _failed(f"{error}; runs that have finished are stored", 1)
    except (cluster.ClusterError, WorkerDied) as error:
        return _failed(f"{error}; {CONTINUES}" if args.command == "run" else error, 1)
    except KeyboardInterrupt as stop:
        there = getattr(args, "dask", None) is not None  # where no checkpoints are kept
        kept = "" if there else ", and so are the last checkpoints of the others"
        said = f"stopped: finished runs are stored{kept}; the same command continues from there"
        said = str(stop) or (said if args.command == "run" else "stopped")
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(f"\n{said}", file=sys.stderr)
        # (An `Interrupted` is raised in place of the signal's own.)
        number = getattr(stop, "number", getattr(stop.__context__, "number", signal.SIGINT))
        return 128 + number
    return code


def _failed(error: Exception | str, code: int) -> int:
    """Say on stderr, in one line, what went wrong; return the exit code."""
    if isinstance(error, MemoryError):
        error = "there is not enough memory for these sizes"
    elif isinstance(error, OSError) and error.errno is not None:
        where = f"{error.filename}: " if error.filename else ""
        error = f"{where}{what_failed(error)}"
    lines = map(printable, str(error).split("\n"))  # (it may name files, and quote from them)
    print("error: " + "\n".join(lines), file=sys.stderr)
    return code
