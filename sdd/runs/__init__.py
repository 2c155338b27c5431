"""Runs as files: what determines one, the store, and the sweep that trains those not stored."""

from sdd.runs.cache import memory
from sdd.runs.cluster import ClusterError
from sdd.runs.on_the_spot import Interrupted, MissingRuns
from sdd.runs.pool import WorkerDied
from sdd.runs.spec import RunSpec, make_run
from sdd.runs.store import StoreError, default_folder, load, path, run_name, save_run
from sdd.runs.sweep import fetch, missing, require, train_missing

__all__ = [
    "ClusterError",
    "Interrupted",
    "MissingRuns",
    "RunSpec",
    "StoreError",
    "WorkerDied",
    "default_folder",
    "fetch",
    "load",
    "make_run",
    "memory",
    "missing",
    "path",
    "require",
    "run_name",
    "save_run",
    "train_missing",
]
