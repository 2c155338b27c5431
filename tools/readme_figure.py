"""Draw the README's figure, the book's main one, from the stored runs of the paper profile.

python tools/readme_figure.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

from sdd import figures, paper
from sdd.findings import Evidence

TARGET = Path(__file__).resolve().parent.parent / "docs" / "double-descent.svg"


def main() -> None:
    """Write the figure."""
    evidence = Evidence.stored("paper")
    runs = evidence.body()
    plt.style.use(figures.STYLE)
    fig, ax = plt.subplots(figsize=(6, 4))
    figures.by_size(
        runs,
        "test_loss",
        ax,
        baselines={"no output": evidence.zero, "best\nconstant": evidence.constant[0]},
        ylim=figures.loss_window(runs["test_loss"]),
        label="ours",
        published=evidence.profile.published(paper.TEST_LOSS),
    )
    fig.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
