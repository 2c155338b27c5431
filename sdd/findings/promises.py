"""What one can rely on: promises, the tests that hold them, what their last trial found."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sdd.runs import worker

__all__ = ["PROMISES", "RECORD", "Promise", "counts", "record", "table", "trials"]

# Written by tools/harness.py; in the package, so that a notebook without the repository has it.
RECORD = Path(__file__).with_suffix(".json")
COLUMNS = {  # of the record's faults, by their names there
    "lost": "lost",
    "retrained": "trained again",
    "accepted": "wrongly accepted",
    "crashed": "crashed",
    "hung": "hung",
    "left": "left behind",
}


@dataclass(frozen=True)
class Promise:
    """A promise in plain words, the trials that try it, and the tests that hold it.

    Trials are those of tools/harness.py by their names; tests are FILE::NAME below tests/.
    """

    topic: str
    text: str
    trials: tuple[str, ...]
    tests: tuple[str, ...]


PROMISES = (
    Promise(
        "Kills",
        "However and whenever a sweep, its processes or both are killed, also while they write, "
        "the same command continues. A stored run stays as it is and is never trained again. The "
        "next sweep clears what dead processes left, and no process outlives its sweep for long.",
        ("kills", "three sweeps at once"),
        (
            "runs/test_tidy.py::test_what_dead_processes_left_is_cleared_by_the_next_sweep",
            "runs/test_tidy.py::test_nothing_of_a_living_process_is_touched",
        ),
    ),
    Promise(
        "Damage",
        "A file with any bit changed is never taken for a run, nor a run for that of other "
        "settings. One that was written on purpose, with its right hash, is taken for a run only "
        "if its form is that of a run of the settings asked for.",
        ("damaged files", "forged files"),
        (
            "runs/test_store.py::test_a_run_under_another_name_is_not_taken_for_it",
            "runs/test_damage.py::test_with_a_right_hash_values_are_still_checked",
        ),
    ),
    Promise(
        "Odd entries",
        "What is no file, cannot be read, vanishes or is a gigabyte long stops one run and no "
        "other, and holds nobody up.",
        ("odd entries",),
        (
            "runs/test_damage.py::test_one_odd_entry_stops_one_run_and_no_other",
            "runs/test_damage.py::test_nothing_from_a_file_reaches_a_terminal_as_it_is",
        ),
    ),
    Promise(
        "Bits",
        "The same settings give the same file, byte for byte, on any number of threads and "
        "processes of the same machine with the same versions.",
        ("resumed trainings",),
        (
            "runs/test_store.py::test_the_same_run_gives_the_same_bytes_in_any_process",
            "training/test_loop.py::"
            "test_the_same_settings_give_the_same_bits_on_any_number_of_threads",
            "engine/test_engine.py::test_any_number_of_threads_gives_the_same_bits",
        ),
    ),
    Promise(
        "Resuming",
        "A training that was stopped goes on from its checkpoint to the bits of one that was not, "
        "on any number of threads. A checkpoint that is damaged, or of another training, is "
        "dropped, and that is said.",
        ("resumed trainings", "damaged checkpoints"),
        (
            "training/test_checkpoint.py::test_a_training_stopped_anywhere_goes_on_to_the_same_bits",
            "runs/test_damage.py::test_a_checkpoint_that_training_refuses_is_dropped_and_said_so",
        ),
    ),
    Promise(
        "Shared use",
        "Several sweeps in one store train each run once, whoever is killed. Users who may write "
        "in a folder share what is in it, and those who may only read it can read the runs.",
        ("three sweeps at once", "another user"),
        (
            "runs/test_shared.py::test_what_a_store_holds_is_as_open_as_its_folder",
            "runs/test_shared.py::test_two_users_of_a_group_share_a_store_whatever_their_umasks",
        ),
    ),
    Promise(
        "Full and read-only disks",
        "A store that cannot be written to is said to be so in one sentence, with what to do, and "
        "stays as it was. Once it can be, the same command continues.",
        ("a full disk", "a read-only disk"),
        (
            "runs/test_store.py::test_a_full_disk_is_named_and_leaves_the_store_as_it_was",
            "runs/test_store.py::test_what_the_operating_system_refuses_has_a_remedy_that_fits",
        ),
    ),
    Promise(
        "Size",
        "A store of many thousand runs answers at once what is missing: it reads no file that is "
        "as it was when it was found sound.",
        ("a large store",),
        (
            "runs/test_index.py::test_what_the_journal_vouches_for_is_not_read",
            "runs/test_index.py::test_what_has_changed_is_read_and_noted_by_the_next_sweep_alone",
        ),
    ),
    Promise(
        "Reading changes nothing",
        "Asking what is stored, loading runs and building pages never renames, writes or deletes "
        "a file of a run. Only a sweep or an import sets a file aside, before it puts a sound one "
        "there.",
        ("damaged files", "odd entries", "a read-only disk"),
        (
            "runs/test_tidy.py::test_reading_tidies_nothing",
            "runs/test_store.py::test_what_is_set_aside_is_kept_and_nothing_else_is_touched",
        ),
    ),
    Promise(
        "Only its own is deleted",
        "`make clean-runs` deletes files of the names that the store gives, and no others.",
        (),
        (
            "runs/test_store.py::test_only_what_the_store_itself_makes_is_deleted",
            "runs/test_store.py::test_a_link_to_another_store_is_deleted_and_not_followed",
        ),
    ),
)


def record() -> dict[str, Any]:
    """Return the record of the last run of all trials: date, machine, versions, and a row each."""
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def table() -> pd.DataFrame:
    """Return the promises as a table of text; tests by their names, which are sentences."""
    return pd.DataFrame(
        {
            "Promise": f"**{promise.topic}.** {promise.text}",
            "Held by": "<br>".join([*_trials(promise), *map(_sentence, promise.tests)]),
        }
        for promise in PROMISES
    )


def _trials(promise: Promise) -> list[str]:
    return [f"trials: {', '.join(promise.trials)}"] if promise.trials else []


def _sentence(test: str) -> str:
    file, _, name = test.partition("::")
    return f"*{name.removeprefix('test_').replace('_', ' ')}* (`{file}`)"


def trials() -> pd.DataFrame:
    """Return what the last run of all trials found as a table of text, a row a trial."""
    return pd.DataFrame(
        {
            "Trial": row["trial"],
            "tried": "not here" if row["left_out"] and not row["tried"] else f"{row['tried']:,}",
            **{shown: row[kind] for kind, shown in COLUMNS.items()},
            "seconds": f"{row['seconds']:,}",
        }
        for row in record()["trials"]
    )


def counts() -> dict[str, Any]:
    """Return the numbers that the page's text names: most are of the last run of all trials."""
    found = record()
    rows = {row["trial"]: row for row in found["trials"]}
    large = rows["a large store"]
    return {
        "date": found["date"],
        "commit": found["commit"],
        "machine": found["machine"],
        "versions": ", ".join(f"{name} {v}" for name, v in found["software"].items()),
        "checkpoint": worker.CHECKPOINT_EVERY_S,
        "minutes": sum(row["seconds"] for row in rows.values()) / 60,
        "kills": rows["kills"]["tried"],
        "files": sum(rows[f"{kind} files"]["tried"] for kind in ("damaged", "forged")),
        "faults": sum(row[kind] for row in rows.values() for kind in COLUMNS),
        "stored": large["tried"],
        "missing": large["measured"]["missing s"],
        "status": large["measured"]["status s"],
        "memory": large["measured"]["MB"],
    }
