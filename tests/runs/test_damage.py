"""Whatever has a run's or a checkpoint's name stops one run at most, and is not read at length."""

import json
import os
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sweeps import contents, spec

import sdd
from sdd.runs import fetch, make_run, store, train_missing, upkeep
from sdd.runs.sweep import missing
from sdd.training import files, train

SPEC = spec(50)


def claiming(shapes, meta, size):
    """The beginning of a file of so many bytes that claims to hold these arrays."""
    header, end = {"__metadata__": {"sdd": json.dumps(meta)}}, 0
    for name, shape in shapes.items():
        kind = "F64" if name.startswith("history") else "F32"
        start, end = end, end + int(kind[1:]) // 8 * int(np.prod(shape))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text, size or 8 + len(text) + end


@pytest.fixture
def unread(monkeypatch):
    """No arrays are read."""
    monkeypatch.setattr(files.safetensors, "load", lambda blob: pytest.fail("it was read"))


BIG = 10**9


@pytest.mark.parametrize(
    ("shapes", "size", "reason"),
    [
        (None, BIG, "it is no safetensors file"),
        ({"W": (2, 200), "b": (200,)}, BIG, "it is shorter or longer than its arrays"),
        ({"W": (2, BIG // 8), "b": (200,)}, None, "its W is (2, 125000000) of float32"),
        ({"extra": (BIG // 4,)}, None, "it holds extra, which its settings do not ask for"),
        ({"others/U": (BIG // 4,)}, None, "it holds others/U, which"),
        ({"snapshots/W": (BIG // 1600, 2, 200)}, None, "which its settings do not ask for"),
        ({"history/step": (BIG // 8,)}, None, "it has 125000000 records"),
        ({"\x1b[2J": (1,)}, None, r"it holds \x1b[2J, which"),
    ],
)
def test_a_gigabyte_under_a_runs_name_is_refused_by_its_first_bytes(
    shapes, size, reason, tmp_path, unread
):
    meta = make_run(SPEC).settings | {"format": files.FORMAT, "numerics": files.NUMERICS}
    file = store.path(SPEC.name, tmp_path)
    if shapes is not None:
        shapes = {"history/step": (3,)} | shapes
        start, size = claiming(shapes, meta, size)
        file.write_bytes(start)
    with file.open("ab") as opened:
        opened.truncate(size)  # (zeros that take no space)
    with pytest.warns(UserWarning, match="is not a sound run file") as caught:
        assert store.load(SPEC.name, tmp_path) is None
    assert reason in str(caught[0].message)


@pytest.mark.parametrize("snapshots", [(), (3,)])
def test_a_run_of_other_settings_is_refused_before_it_is_read(snapshots, tmp_path, unread):
    other = train(SPEC.data.make(), replace(SPEC.config, m=9), snapshots=snapshots)
    store.save_run(other, tmp_path).rename(store.path(SPEC.name, tmp_path))
    with pytest.warns(UserWarning, match="it holds the run of other settings"):
        assert store.load(SPEC.name, tmp_path) is None


def rewritten(file, change):
    """Write a file again with its hash right, after a change of its arrays and metadata."""
    tensors, meta = files.read(file)
    change(tensors, meta)
    files.write(file, tensors, meta)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t, m: m.update(train_loss="much"), "could not convert"),
        (lambda t, m: m.update(train_loss=float("nan")), "its training loss is nan"),
        (lambda t, m: m.update(test_loss=float("-inf")), "its test loss is -inf ±"),
        (lambda t, m: m["config"].pop("eps"), "its ε and device must be given, not None and cpu"),
        (lambda t, m: m.update(test_loss="9" * 200 + "x" * 10_000), r"'9+x{1,300} …\)"),
        (lambda t, m: m.update(numerics=99), "another version of sdd made it, of numerics 99"),
        (lambda t, m: m.update(train_loss=10**400), "int too large"),
        (lambda t, m: m["config"].update(lr=10**400), "lr must be a finite number"),
        (lambda t, m: m.update(format="sdd-run-2"), "another version of sdd wrote it"),
        (lambda t, m: t["history/loss"].fill(np.nan), "its loss is not all finite"),
        (lambda t, m: t["history/step"].fill(7), "stopped at 7 of 50 steps"),
        (lambda t, m: t.update({"history/loss": t["history/loss"][1:]}), "its history/loss is"),
        (lambda t, m: t.pop("restart_losses"), "it lacks restart_losses"),
    ],
)
def test_with_a_right_hash_values_are_still_checked(change, reason, tmp_path):
    file = store.save_run(make_run(SPEC), tmp_path)
    rewritten(file, change)
    with pytest.warns(UserWarning, match=reason):
        assert store.load(SPEC.name, tmp_path) is None


@pytest.mark.parametrize("offsets", [[0, 10**30], [0, 10**17], [-8, 8], [8, 0]])
def test_arrays_that_lie_outside_of_a_file_are_not_read(offsets, tmp_path):
    spec = replace(SPEC, snapshots=(3,))
    file = store.save_run(make_run(spec), tmp_path)
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["snapshots/step"]["data_offsets"] = offsets
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.warns(UserWarning, match="is not a sound run file"):
        assert store.load(spec.name, tmp_path) is None


@pytest.mark.parametrize("name", ["start", "model", "test"])
@pytest.mark.parametrize("text", [["x"], "\x1b[31mRed-0", "two\nlines", "\u202ebackwards"])
def test_nothing_from_a_file_reaches_a_terminal_as_it_is(name, text, tmp_path):
    file = tmp_path / "odd\x1b[2J\nname"
    make_run(SPEC).save(file)
    rewritten(file, lambda tensors, meta: meta.update({name: text}))
    with pytest.raises(ValueError, match=f"its {name} must be a plain text") as error:
        sdd.load(file)
    assert str(error.value).isprintable()
    file.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"odd\\x1b\[2J\\nname must be a run"):
        sdd.load(file)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"odd\\x1b\[2J\\nname"):
        sdd.load(file)


def test_one_odd_entry_stops_one_run_and_no_other(tmp_path):
    specs = [spec(50, seed=k) for k in range(4)]
    store.path(specs[1].name, tmp_path).mkdir()
    os.mkfifo(store.path(specs[2].name, tmp_path))
    with pytest.warns(UserWarning, match="it is no regular file"):
        assert len(fetch(specs, tmp_path)) == 4
    assert missing(specs, tmp_path) == []


def test_what_is_set_aside_takes_nobodys_place(tmp_path):
    file = store.path(SPEC.name, tmp_path)
    for content in ("one", "two", "three"):
        file.write_text(content)
        with pytest.warns(UserWarning, match="set aside"):
            store.set_aside(SPEC.name, tmp_path)
    assert sorted(f.read_text() for f in tmp_path.iterdir()) == ["one", "three", "two"]
    assert len(upkeep.own_files(tmp_path)) == 3


def test_too_many_open_files_are_no_reason_to_train_a_run_again(tmp_path, monkeypatch):
    store.save_run(make_run(SPEC), tmp_path)

    def refused(*_, **__):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(files, "opened", refused)
    with pytest.raises(store.StoreError, match="Too many open files; close other files"):
        store.load(SPEC.name, tmp_path)


def test_a_file_that_vanishes_while_it_is_looked_for_is_not_stored(tmp_path, monkeypatch):
    file, opened = store.save_run(make_run(SPEC), tmp_path), files.opened

    def vanishing(path):
        path.unlink()
        return opened(path)

    monkeypatch.setattr(files, "opened", vanishing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.load(SPEC.name, tmp_path) is None
    assert not file.exists()


@pytest.mark.parametrize(
    "bad",
    [
        lambda t, m: t["0/state/W"].fill(np.nan),
        lambda t, m: t.update({"0/state/W": t["0/state/W"][:, :9]}),
        lambda t, m: t["origin"].fill(0),
        lambda t, m: t.pop("origin"),
        lambda t, m: t.pop("losses"),
        lambda t, m: m.update(seconds="long"),
    ],
    ids=["NaN", "shape", "other data", "earlier version", "no losses", "seconds"],
)
def test_a_checkpoint_that_training_refuses_is_dropped_and_said_so(bad, tmp_path, trained):
    kept = []

    def keep(progress):
        kept.append(progress.steps)
        if len(kept) == 9:
            store.save_checkpoint(progress, SPEC.name, tmp_path)

    make_run(SPEC, checkpoint=keep)
    file = store.checkpoint_path(SPEC.name, tmp_path)
    tensors, meta = files.read(file, store.CHECKPOINT)
    tensors = {name: array.copy() for name, array in tensors.items()}
    bad(tensors, meta)
    files.write(file, tensors, meta)
    with pytest.warns(UserWarning, match="trained from the start"):
        assert train_missing([SPEC], tmp_path, jobs=1, quiet=True) == 1
    assert not file.exists()
    train_missing([SPEC], tmp_path / "undisturbed", jobs=1, quiet=True)
    assert contents(tmp_path) == contents(tmp_path / "undisturbed")


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "gigabyte"])
def test_an_odd_entry_under_a_checkpoints_name_holds_nobody_up(kind, tmp_path):
    file = store.checkpoint_path(SPEC.name, tmp_path)
    file.parent.mkdir(parents=True)
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.write_bytes(b"")
        os.truncate(file, BIG)
    with pytest.warns(UserWarning, match="is not a sound checkpoint .* trained from the start"):
        assert train_missing([SPEC], tmp_path, jobs=1, quiet=True) == 1
    assert missing([SPEC], tmp_path) == []
