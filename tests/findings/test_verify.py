"""Verifying finds the runs that are wrong, says how sure that makes one, and touches none."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import sweeps

from sdd.findings import verify
from sdd.findings.verify import NOTE
from sdd.measures.verification import FEWEST, OUTSIDE, SAME, UNJUDGED, WITHIN
from sdd.runs import store, sweep, upkeep
from sdd.training.files import write_run

SPECS = [sweeps.spec(T=5, seed=seed, steps=60) for seed in range(4)]
FEW = [sweeps.spec(T=6, seed=seed, steps=60) for seed in range(2)]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    sweep.train_missing([*SPECS, *FEW], folder, jobs=1, quiet=True)
    return sweeps.contents(folder)


@pytest.fixture
def folder(trained_once, tmp_path, monkeypatch):
    """A store of six runs."""
    for name, content in trained_once.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    return tmp_path


def alter(folder, spec, **changes):
    """Store another run under the name of this, with all hashes right."""
    file = store.path(spec.name, folder)
    write_run(replace(store.load(spec.name, folder), **changes), file)


def run(capsys, specs, sample=20):
    capsys.readouterr()
    code = verify.main(specs, "quick", sample, seed=1, jobs=1)
    return code, capsys.readouterr().out


def test_runs_that_come_out_the_same_are_said_to_with_the_bound_that_follows(folder, capsys):
    before = sweeps.files(folder)
    code, said = run(capsys, SPECS)
    assert code == 0
    assert "training 4 of 4 stored runs again, drawn with --seed 1: about" in said
    assert "4 of 4 have the same bits" in said
    assert f"fewer than {100 * (1 - 0.05 ** (1 / 4)):.0f} % of the 4 stored runs have not" in said
    assert sweeps.files(folder) == before
    assert verify.last("quick") == json.loads((folder / NOTE).read_text())
    assert verify.last("paper") is None


def test_a_single_wrong_weight_is_found(folder, capsys):
    wrong = store.load(SPECS[2].name, folder)
    W = wrong.W.copy()
    W[0, 0] = np.nextafter(W[0, 0], np.float32(9))
    alter(folder, SPECS[2], W=W)
    code, said = run(capsys, SPECS)
    assert code == 0  # its loss is the same
    assert f"{SPECS[2].name}  {WITHIN}" in said
    assert f"3 of 4 have the same bits: with 95 % confidence fewer than {75:.0f} %" in said


@pytest.mark.parametrize(
    ("factor", "verdict", "code"), [(0.9, WITHIN, 0), (1.1, OUTSIDE, 1), (np.nan, UNJUDGED, 1)]
)
def test_a_loss_may_move_as_far_as_its_peers_spread(factor, verdict, code, folder, capsys):
    own, *others = [store.load(s.name, folder).test_loss for s in SPECS]
    t = 9.924843  # of Student's tables: 99 %, two degrees of freedom
    moved = factor * t * np.sqrt(2) * np.std(others, ddof=1)
    alter(folder, SPECS[0], test_loss=own + moved)
    got, said = run(capsys, SPECS)
    assert got == code
    assert f"{SPECS[0].name}  {verdict}" in said
    assert "3 of 4 have the same bits" in said


def test_with_few_peers_other_bits_cannot_be_judged(folder, capsys):
    alter(folder, FEW[0], train_loss=0.5)
    code, said = run(capsys, FEW)
    assert code == 1
    assert f"{FEW[0].name}  {UNJUDGED}" in said
    assert f"of {FEWEST} peers needed it has 1" in said


def test_what_is_not_stored_is_not_drawn(folder, capsys):
    more = sweeps.spec(T=5, seed=50, steps=60)
    assert "training 4 of 4 stored runs" in run(capsys, [*SPECS, more])[1]
    with pytest.raises(sweep.MissingRuns, match="none of these runs is stored"):
        verify.main([more], "quick", 20, 1, 1)


@pytest.mark.filterwarnings("ignore:.*not a sound run file")
def test_what_a_disk_has_damaged_in_silence_is_neither_verified_nor_replaced(folder, capsys):
    sweep.train_missing(SPECS, folder)  # notes in the journal that all are sound
    file = store.path(SPECS[0].name, folder)
    looks, content = file.stat(), bytearray(file.read_bytes())
    content[-1] ^= 255
    file.write_bytes(content)
    os.utime(file, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    run(capsys, SPECS)
    assert file.read_bytes() == content
    assert verify.last("quick")["stored"] == len(SPECS) - 1


def test_stopped_it_says_how_to_draw_the_same_runs(folder, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "train_missing", stop)
    with pytest.raises(KeyboardInterrupt, match="--seed 1 draws the same runs"):
        verify.main(SPECS, "quick", 20, 1, 1)
    assert verify.last("quick") is None


GOOD = {"profile": "quick", "date": "2025-01-01T00:00:00Z", "machine": "one", "seed": 1,
        "stored": 9, "sample": 4, SAME: 4, WITHIN: 0, OUTSIDE: 0, UNJUDGED: 0}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", "3", "[" * 100_000, json.dumps(GOOD | {"sample": 0}),
     json.dumps(GOOD | {"stored": None}), json.dumps(GOOD | {"machine": "\x1b[2J"}),
     json.dumps({k: v for k, v in GOOD.items() if k != SAME})],
)  # fmt: skip
def test_a_note_of_other_kind_is_none(text, folder):
    (folder / NOTE).write_text(json.dumps(GOOD))
    assert verify.last("quick") == GOOD
    (folder / NOTE).write_text(text)
    assert verify.last("quick") is None


@pytest.mark.parametrize("odd", ["folder", "link", "pipe"])
def test_what_is_no_note_hinders_nothing(odd, folder):
    (folder / "elsewhere").write_text("somebody's")
    if odd == "folder":
        (folder / NOTE).mkdir()
    elif odd == "link":
        (folder / NOTE).symlink_to(folder / "elsewhere")
    else:
        os.mkfifo(folder / NOTE)
    verify._keep(GOOD)
    assert verify.last("quick") is None
    assert (folder / "elsewhere").read_text() == "somebody's"


def test_the_note_is_deleted_with_the_store(folder):
    (folder / NOTE).write_text(json.dumps(GOOD))
    upkeep.delete(upkeep.own_files(folder), folder)
    assert not os.path.lexists(folder)
