"""A mistyped name is answered with the one that was meant."""

import errno
import os
import pickle

import numpy as np
import pytest

from sdd import cli, findings
from sdd.data import DataSettings
from sdd.findings import Evidence, scorecard
from sdd.names import did_you_mean, one_of, printable, what_failed
from sdd.training import TrainConfig

KNOWN = ("weight_decay", "bias_decay", "dataset-size", "F3-bump", "lr")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("weightdecay", "weight_decay"),
        ("weigth-decay", "weight_decay"),
        ("BIAS-DECAY", "bias_decay"),
        ("dataset_sizes", "dataset-size"),
        ("f3bump", "F3-bump"),
        ("momentum", None),
        ("", None),
        (None, None),
    ],
)
def test_the_nearest_known_name_is_suggested_and_nothing_far_from_all(typed, meant):
    assert did_you_mean(typed, KNOWN) == (f"; did you mean {meant}?" if meant else "")


@pytest.mark.parametrize("value", [None, 3, ["mean"], np.zeros(2), "Mean", ""])
def test_what_is_none_of_the_names_is_refused_with_one_sentence(value):
    with pytest.raises(ValueError, match='reduction must be "mean" or "sum", not '):
        one_of("reduction", value, ("mean", "sum"))
    assert one_of("reduction", "sum", ("mean", "sum")) == "sum"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: findings.specs("dataset-sise", "quick"), "did you mean dataset-size?"),
        (lambda: findings.profile("papre"), "'papre'; did you mean paper?"),
        (
            lambda: findings.spec(6, of="quick", weightdecay=1.0),
            "a run has no setting named 'weightdecay'; did you mean weight_decay?",
        ),
        (lambda: findings.spec(6, of="quick", snapshot=(1,)), "did you mean snapshots?"),
        (
            lambda: scorecard.judge_all(Evidence(findings.profile("quick"), {}), ["F3-bmup"]),
            "no claim has an id that starts with 'F3-bmup'; did you mean F3-bump?",
        ),
        (
            lambda: cli.parse(["run", "--T", "6", "--weightdecay", "1"]),
            "run takes no --weightdecay; did you mean --weight-decay?",
        ),
    ],
    ids=["experiment", "profile", "setting", "part of a run", "claim", "option"],
)  # fmt: skip
def test_a_mistyped_name_of_the_book_is_answered_with_the_right_one(ask, said):
    with pytest.raises(ValueError, match="did you mean") as refused:
        ask()
    assert str(refused.value).endswith(said)


def test_a_mistyped_setting_is_answered_with_the_one_that_was_meant():
    for kind, wrong, right in (
        (TrainConfig, "step", "steps"),
        (DataSettings, "sparcity", "sparsity"),
    ):
        with pytest.raises(TypeError, match=f"no setting named '{wrong}'; did you mean {right}"):
            kind(**{wrong: 1})
    with pytest.raises(TypeError, match=r"TrainConfig has no setting named 'zzz'$"):
        TrainConfig(zzz=1)
    assert TrainConfig(3, seed=2) == TrainConfig(m=3, seed=2)
    assert pickle.loads(pickle.dumps(TrainConfig(m=3))) == TrainConfig(m=3)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("runs/ä – 50 % ± ε.txt", "runs/ä – 50 % ± ε.txt"),
        ("red \x1b[31m", r"red \x1b[31m"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\u202eright to left", r"\u202eright to left"),
        ("\udcff of no encoding", r"\udcff of no encoding"),
        ("\x9b1m", r"\x9b1m"),
    ],
)
def test_nothing_that_moves_a_cursor_is_shown(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("EACCES", "ask its owner to give you the right"),
        ("EPERM", "ask its owner"),
        ("ENOSPC", "free some space"),
        ("EDQUOT", "free some space"),
        ("EROFS", "mounted for writing"),
        ("ENOLCK", "lends no locks"),
        ("EOPNOTSUPP", "lends no locks"),
        ("ENOTDIR", "move away the file"),
        ("EEXIST", "move away the file"),
        ("EISDIR", "move away the folder"),
        ("ELOOP", "remove the link"),
        ("ENAMETOOLONG", "shorten the path"),
        ("EIO", "disk checked"),
        ("EMFILE", "ulimit -n"),
        ("ECHILD", None),
    ],
)
def test_a_remedy_fits_what_the_operating_system_refused(code, remedy):
    number = getattr(errno, code)
    said = what_failed(OSError(number, os.strerror(number)))
    assert said.startswith(os.strerror(number))
    assert ("free some space" in said) == (code in ("ENOSPC", "EDQUOT"))
    assert said == os.strerror(number) if remedy is None else remedy in said
