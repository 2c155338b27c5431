"""Who else has published a replication, with which settings: facts read in their sources."""

from dataclasses import dataclass

import pandas as pd

__all__ = ["REPLICATIONS", "SEARCHED", "Replication", "table"]

SEARCHED = "27 November 2026"


@dataclass(frozen=True)
class Replication:
    """A public replication: its key in references.bib, and what its source says of it.

    ``covers`` uses the numbers of the figures (F, A) and comments (C); ``loss`` is how the squared
    error is reduced, which to AdamW is a setting of its own.
    """

    key: str
    covers: str
    size: str
    training: str
    loss: str
    trainings: str
    found: str


_PAPER = "n = 10,000, S = 0.999, m = 2"
_SMALL = "n = 1,000, S = 0.99, m = 2"
_SCHEDULE = "50,000 steps of AdamW, the paper's schedule"
_SUM = "sum over features, mean over points"
_MEAN = "mean over points and features"

REPLICATIONS = (
    Replication(
        "jermyn2023", "F3, F4; adds C3 to C8", "the paper's", "as the paper's text says",
        "not stated", "several",
        "the three regimes; features from T = 20,000, the middle regime from T ≈ 100, test losses "
        "up to 5,000, a peak ‖b‖ about three times the paper's, ‖W‖ rising over T = 100 to 1,000",
    ),
    Replication(
        "hobbhahn2023,hobbhahn2023more,hobbhahn2023maximal", "F3; adds C2; repeats C9",
        "n = 1,000, S = 0.99", "told in his posts, which we could not read", "several losses", "",
        "double descent, with other losses and with a ReLU between the layers, too; maximal data "
        "dimensionality up to small deviations",
    ),
    Replication(
        "selectedtopics2025", "F2, F3, F4", f"{_PAPER}; 17 sizes from T = 3 to 100,000",
        "50,000 steps of AdamW; a cosine of 50,000 steps begins after the warm-up",
        _MEAN, "one a size, 1,000 test points; weights are published",
        "agreement with the paper; larger T left out for want of computing time",
    ),
    Replication(
        "slavachalnev", "F3 middle", f"{_PAPER}; 18 sizes from T = 3 to 100,000", _SCHEDULE,
        _SUM, "one a size", "code alone, no results",
    ),
    Replication(
        "syedamaann", "F3 middle, norms of F4", f"{_PAPER}; 19 sizes from T = 3 to 200,000",
        f"{_SCHEDULE}; from T = 2,000 on gradients of batches of 1,000 are added up",
        _SUM, "one a size, 1,000 test points",
        "figures of D and of both norms; no curve of test losses. The code is the one above, "
        "changed",
    ),
    Replication(
        "ulissemini", "F2 at T = 10", _PAPER, "10,000 steps of Adam at a constant rate, no decay",
        _MEAN, "one",
        "data points stored, as a picture and a film; double descent announced, not shown",
    ),
    Replication(
        "arena", "F2, F3 middle, as an exercise", f"{_SMALL}; 13 sizes from T = 3 to 2,000",
        _SCHEDULE, f"{_MEAN} (in a participant's solution)",
        "five a size, of which the lowest training loss is kept",
        "vectors and D; no test losses",
    ),
    Replication(
        "wenjie1835", "F3 top", f"{_SMALL}; 22 sizes from T = 3 to 40,000",
        "3,000 steps of AdamW, learning rate 5e-3, a quarter of them warm-up; each step on up to "
        "2,048 rows drawn with replacement", _SUM,
        "one draw of data a size, five initial weights, 5,000 test points; results are published",
        "a mean test loss that rises to 1.534 ± 0.163 at T = 500 and is 0.9945 at T = 1,946",
    ),
)  # fmt: skip


def table() -> pd.DataFrame:
    """Return the replications as a table of text, a row each, with citations."""
    return pd.DataFrame(
        {
            "Who and what": "<br>".join(
                [*(f"{{cite:t}}`{key}`" for key in found.key.split(",")), found.covers]
            ),
            "Settings": "<br>".join(
                f"*{name}*: {text}"
                for name, text in (
                    ("data", found.size), ("training", found.training),
                    ("squared error", found.loss), ("trainings", found.trainings),
                )
                if text
            ),
            "Reports": found.found,
        }
        for found in REPLICATIONS
    )  # fmt: skip
