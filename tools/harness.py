"""Try hard, for many minutes, to lose a stored run or to have a wrong one accepted: `make harness`.

    python tools/harness.py                          # every trial of tests/trials
    python tools/harness.py kills --seed 7           # one of them

Prints a line a trial with what went wrong, and ends with 1 if anything did. A run of all trials is
kept as the record that the chapter "What you can rely on" shows. The same trials, each a few times,
are tests (tests/test_harness.py).
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from trials.every import FAULTS, TRIALS, Found, Trial  # noqa: E402

from sdd.findings.promises import RECORD  # noqa: E402
from sdd.runs.journal import machine, software  # noqa: E402

SHOWN = 20  # faults of a kind


def run(trial: Trial, tries: int, seed: int) -> tuple[Found, float]:
    """Run a trial in an empty folder; return what it found, and in how many seconds."""
    found, start = Found(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sdd-trial-") as folder:
        trial.run(found, tries, random.Random(f"{seed} {trial.name}"), Path(folder).resolve())
    return found, time.monotonic() - start


def commit() -> str:
    command = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def line(*cells: object) -> str:
    name, *numbers = map(str, cells)
    return f"{name:22}" + "".join(f"{number:>11}" for number in numbers)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Try the store and its sweeps hard.")
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=", ".join(TRIALS))
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.trials if name not in TRIALS]:
        parser.error(f"there is no trial {unknown[0]!r}; there are {', '.join(TRIALS)}")
    print(f"seed {asked.seed}")
    print(line("trial", "tried", *FAULTS, "seconds"), flush=True)
    rows, faulty = [], False
    for trial in [TRIALS[name] for name in asked.trials] or TRIALS.values():
        found, seconds = run(trial, trial.many, asked.seed)
        counts = {kind: len(found.faults[kind]) for kind in FAULTS}
        print(line(trial.name, found.tried, *counts.values(), f"{seconds:.0f}"), flush=True)
        for kind, faults in found.faults.items():
            for what in faults[:SHOWN]:
                print(f"  {kind}: {what[:1_000]}", file=sys.stderr)
        for note in (*(f"{k}: {v:.4g}" for k, v in found.measured.items()), *found.left_out):
            print(f"  {note}")
        faulty |= any(counts.values())
        rows.append({
            "trial": trial.name, "tried": found.tried, **counts, "seconds": round(seconds),
            "measured": found.measured, "left_out": found.left_out,
        })  # fmt: skip
    if not asked.trials:
        record = {
            "date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit(),
            "seed": asked.seed, "machine": machine(), "software": software(), "trials": rows,
        }  # fmt: skip
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(f"written to {RECORD}")
    return int(faulty)


if __name__ == "__main__":
    sys.exit(main())
