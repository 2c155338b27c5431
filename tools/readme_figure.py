"""Draw the README's figure, the book's main one, from the stored runs of the paper profile.

python tools/readme_figure.py
"""

import math
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

from sdd import figures, paper
from sdd.findings import claims

TARGET = Path(__file__).resolve().parent.parent / "docs" / "double-descent.svg"


def main() -> None:
    """Write the figure."""
    evidence = claims.Evidence.stored("paper")
    losses = {T: evidence.losses(T) for T in [*evidence.sizes, math.inf]}
    baselines = {"no output": evidence.zero, "best\nconstant": evidence.constant[0]}
    plt.style.use(figures.STYLE)
    fig, ax = plt.subplots(figsize=(6, 4))
    published = {T: v for T, v in paper.TEST_LOSS.items() if T in losses}
    figures.test_loss_by_size(losses, baselines, published, ax, ylim=figures.loss_window(losses))
    TARGET.parent.mkdir(exist_ok=True)
    fig.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
