"""The command line: python -m sdd run | list | status | claims | bench."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from joblib.externals.loky.process_executor import TerminatedWorkerError

from sdd import bench, findings
from sdd.data import DataSettings
from sdd.findings import Evidence, scorecard
from sdd.runs import cluster, estimates, store, sweep
from sdd.runs.progress import clock
from sdd.runs.spec import RunSpec
from sdd.training import TrainingDiverged
from sdd.training.config import TrainConfig

__all__ = ["main"]


def _number(text: str) -> float:
    """Read a whole number, a real number or "inf", as the settings take them."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or inf, not {text!r}") from None
    return int(value) if value.is_integer() else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sdd", description="Train, list and judge the runs of the book."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser(
        "run",
        help="train the runs that are not stored yet",
        description="Train what is not stored yet: all experiments of a profile, those named, or "
        "one run of any settings (such as --T 20 --data-seed 3 --steps 10000; what is not given "
        "is the profile's). Finished runs are stored, and of those in training a checkpoint is "
        "kept every two minutes: stopped at any time, the same command goes on from there.",
    )
    run.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="names; see `list`")
    _add_profile(run)
    run.add_argument(
        "--jobs",
        type=int,
        help="processes, and threads of all of them together (default: one per core); to change "
        "it, stop with Ctrl-C and run the same command with another: it goes on from the "
        "checkpoints kept",
    )
    run.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="train on the Dask cluster whose scheduler is there, such as tcp://10.0.0.1:8786; its "
        "machines need this package, finished runs are stored here",
    )
    group = run.add_argument_group("settings of one run")
    for flag, default in _setting_flags().items():
        kind = str if isinstance(default, str) else _number
        group.add_argument(f"--{flag}", type=kind, default=None, metavar=flag.upper())
    group.add_argument(
        "--start", help="a planted start: tgon:F, ring:K:r:b or top-ring:K:r:b, see sdd.starts"
    )
    group.add_argument("--snapshots", type=int, nargs="+", default=None, metavar="STEP")

    listing = commands.add_parser("list", help="list the experiments and their runs' settings")
    _add_profile(listing)
    status = commands.add_parser(
        "status", help="how many runs are stored, and the time for the rest"
    )
    _add_profile(status)
    judged = commands.add_parser("claims", help="judge the paper's claims on the stored runs")
    _add_profile(judged)
    judged.add_argument("--json", type=Path, help="also write the scorecard to this file")
    speed = commands.add_parser("bench", help="time a training step against PyTorch")
    speed.add_argument("--json", type=Path, help="also write the results to this file, and a plot")
    speed.add_argument("--short", action="store_true", help="less of it: below two minutes")
    return parser


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", help="quick, paper or full (default: $PROFILE, or paper)")


def _setting_flags() -> dict[str, Any]:
    """Return flag → default for every setting of a run; the data's seed is --data-seed."""
    flags = {"data-seed" if f.name == "seed" else f.name: f.default for f in fields(DataSettings)}
    return flags | {f.name.replace("_", "-"): f.default for f in fields(TrainConfig)}


def _specs(args: argparse.Namespace) -> list[RunSpec]:
    given = {
        flag.replace("-", "_"): value
        for flag in _setting_flags()
        if (value := getattr(args, flag.replace("-", "_"))) is not None
    }
    if not given and args.snapshots is None and args.start is None:
        names = args.experiments or list(findings.EXPERIMENTS)
        return [s for name in names for s in findings.specs(name, args.profile)]
    if args.experiments:
        flags = [f"--{g.replace('_', '-')}" for g in given]
        flags += [f"--{name}" for name in ("start", "snapshots") if getattr(args, name)]
        raise ValueError(
            f"name experiments or give settings, not both: {' '.join(args.experiments)} and "
            f"{', '.join(flags)}"
        )
    if "T" not in given:
        raise ValueError("a run of your own needs --T, the number of data points (or inf)")
    chosen = findings.spec(given.pop("T"), given.pop("data_seed", 0), of=args.profile, **given)
    return [RunSpec(chosen.data, chosen.config, tuple(args.snapshots or ()), args.start or "")]


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"


def _run(args: argparse.Namespace) -> None:
    if args.jobs is not None and args.jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {args.jobs}")
    if args.jobs is not None and args.dask is not None:
        raise ValueError(f"give --jobs or --dask, not both: {args.jobs} and {args.dask}")
    specs = _specs(args)
    lacking = sweep.missing(specs)
    wanted = len(dict.fromkeys(specs))
    print(f"{wanted - len(lacking)} of {_runs(wanted)} stored in {store.default_folder()}")
    if lacking and args.dask is not None:  # (What its machines take cannot be timed here.)
        print(f"training {_runs(len(lacking))} on the Dask cluster at {args.dask}", flush=True)
    elif lacking:
        print("timing a step of each size ...", flush=True)
        seconds = estimates.estimate(lacking, args.jobs)
        print(f"training {_runs(len(lacking))}: about {clock(seconds)}", flush=True)
    sweep.train_missing(specs, jobs=args.jobs, dask=args.dask)
    if wanted == 1:
        (made,) = sweep.fetch(specs[:1])
        print(f"training loss {made.train_loss:.6g}, test loss {made.test_loss:.6g} "
              f"± {made.test_error:.1g}: {store.path(specs[0].name)}")  # fmt: skip


def _list(args: argparse.Namespace) -> None:
    for name in findings.EXPERIMENTS:
        specs = findings.specs(name, args.profile)
        print(f"{name}: {findings.EXPERIMENTS[name].description}")
        for s in specs:
            print(f"  {s.name}  {s.command().removeprefix('python -m sdd run ')}")


def _status(args: argparse.Namespace) -> None:
    profile = findings.profile(args.profile)
    print(f"profile {profile.name}, runs in {store.default_folder()}")
    everything: list[RunSpec] = []
    for name in findings.EXPERIMENTS:
        specs = findings.specs(name, args.profile)
        lacking = sweep.missing(specs)
        everything += lacking
        rest = f", the rest about {clock(estimates.estimate(lacking))}" if lacking else ""
        title = findings.EXPERIMENTS[name].description.rstrip(".")
        print(f"  {name} ({title}): {len(specs) - len(lacking)} of {len(specs)} stored{rest}")
    left = f"about {clock(estimates.estimate(everything))} left" if everything else "all stored"
    print(left)


def _claims(args: argparse.Namespace) -> None:
    name = findings.profile(args.profile).name
    every = [s for e in findings.EXPERIMENTS for s in findings.specs(e, name)]
    specs = list(dict.fromkeys(every))  # two experiments may share runs
    if lacking := sweep.missing(specs):  # to judge is not to train
        raise sweep.MissingRuns(
            f"{len(lacking)} of {_runs(len(specs))} are not stored; train them with "
            f"python -m sdd run --profile {name}"
        )
    judged = scorecard.judge_all(Evidence.stored(name))
    width = max(len(j.id) for j in judged)
    for j in judged:
        print(f"{j.id:{width}}  {j.verdict:26}  published {j.published}; ours {j.ours}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(scorecard.to_json(judged), encoding="utf-8")


def _bench(args: argparse.Namespace) -> None:
    bench.main(args.json, args.short)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 after bad input, 1 after a failure, 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    try:
        {"run": _run, "list": _list, "status": _status, "claims": _claims, "bench": _bench}[
            args.command
        ](args)
        sys.stdout.flush()  # here, where a closed pipe is caught, and not when Python exits
    except BrokenPipeError:  # such as `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, sweep.MissingRuns) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("error: there is not enough memory for these sizes", file=sys.stderr)
        return 2
    except TrainingDiverged as error:
        print(f"error: {error}; runs that have finished are stored", file=sys.stderr)
        return 1
    except cluster.ClusterError as error:
        print(
            f"error: {error}; runs that have finished are stored, and the same command goes on",
            file=sys.stderr,
        )
        return 1
    except TerminatedWorkerError:
        print(
            "error: a training process was killed (out of memory?); runs that have finished are "
            "stored, and the same command goes on, with --jobs 1 in less memory",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        there = getattr(args, "dask", None) is not None  # where no checkpoints are kept
        kept = "" if there else ", and so are the last checkpoints of the others"
        print(
            f"\nstopped: finished runs are stored{kept}; the same command goes on from there",
            file=sys.stderr,
        )
        return 130
    return 0
