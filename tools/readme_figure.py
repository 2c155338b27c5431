"""Draw the README's figure, the home page's first one, from the stored runs of the paper profile.

python tools/readme_figure.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

from sdd import figures
from sdd.findings import Evidence, home

TARGET = Path(__file__).resolve().parent.parent / "docs" / "double-descent.svg"


def main() -> None:
    """Write the figure."""
    plt.style.use(figures.STYLE)
    home.curve(Evidence.stored("paper")).figure.savefig(
        TARGET,
        metadata={"Date": None},
        bbox_inches="tight",
        dpi=200,
        facecolor="white",
    )


if __name__ == "__main__":
    main()
