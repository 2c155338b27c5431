"""The home page: counts lead with what was asked for, and each model stands for its regime."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from sdd.findings import PROFILES, Evidence, home
from sdd.findings.rule import CONTRADICTED, REPRODUCED, SMALL, UNDECIDED


def row(group, verdict):
    """A row of the scorecard, with what the home page asks of it."""
    return SimpleNamespace(group=group, verdict=verdict)


JUDGED = [
    row("body", UNDECIDED), row("body", REPRODUCED), row("appendix", REPRODUCED),
    row("comments", CONTRADICTED), row("ours", SMALL),
]  # fmt: skip


def test_counts_are_of_the_groups_asked_for_with_what_was_reproduced_first():
    assert home.counts(JUDGED, "body", "appendix") == "3 checks: 2 reproduced, 1 undecided"
    assert home.counts(JUDGED, "comments") == "1 check: 1 contradicted"
    assert home.counts(JUDGED[:1], "ours") == "0 checks"


@pytest.mark.parametrize(("name", "sizes"), [("quick", [6, 200, 1_000]),
                                             ("paper", [6, 2_000, 10_000])])  # fmt: skip
def test_the_models_shown_have_the_lowest_training_loss_of_their_sizes(name, sizes):
    p = PROFILES[name]
    runs = pd.DataFrame(
        [
            {"T": float(T), "data_seed": seed, "train_loss": abs(seed - 21)}
            for T, _, _ in p.sizes
            for seed in (0, 20, 21, 22)
        ]
    )
    shown = home.models(Evidence(p, {"dataset-size": runs}))
    assert list(shown["T"]) == sizes
    assert set(shown["data_seed"]) == {21}


def test_the_picture_of_previews_is_written_while_the_book_is_built_alone(tmp_path, monkeypatch):
    ax = plt.subplots()[1]
    monkeypatch.delenv("SDD_FIGURE_DATA", raising=False)
    home.preview(ax)
    monkeypatch.setenv("SDD_FIGURE_DATA", str(tmp_path / "site" / "data"))
    home.preview(ax)
    assert (tmp_path / "site" / "preview.png").read_bytes().startswith(b"\x89PNG")
