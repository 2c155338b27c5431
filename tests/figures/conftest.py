"""Every figure is drawn without a screen, with the settings as they were, and closed."""

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def clean():
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")
