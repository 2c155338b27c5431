"""The published settings, each with the section of the paper that states it.

"Superposition, Memorization, and Double Descent", Henighan et al., Transformer Circuits
Thread, 2023. What the paper leaves open is marked "ours", with the reason for our choice.
"""

import math

__all__ = [
    "DATASET_SIZES",
    "EPS",
    "LEARNING_RATE",
    "SPARSITY",
    "STEPS",
    "STRIP",
    "TEST_ROWS",
    "WARMUP_FRACTION",
    "WEIGHT_DECAY",
    "M",
    "N",
    "rescaled_eps",
    "rescaled_size",
]

# Section "Experiment Setup".
N = 10_000  # features
SPARSITY = 0.999  # probability S that a feature is zero
M = 2  # hidden dimensions of the models in the body
STEPS = 50_000  # full-batch AdamW updates
LEARNING_RATE = 1e-3  # at the end of the warm-up
WARMUP_FRACTION = 2_500 / 50_000  # linear; a cosine decay to zero follows
WEIGHT_DECAY = 1e-2

# The x-axis of the figure "double descent" (section "Double Descent").
DATASET_SIZES = (
    3, 5, 6, 8, 10, 15, 30, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000,
    20_000, 50_000, 100_000, 200_000, 500_000,
)  # fmt: skip

STRIP = (5, 30, 200, 2_000, 50_000, math.inf)  # T shown side by side (figure, bottom)

# Ours, where the paper is silent.
EPS = 1e-8  # AdamW's epsilon: PyTorch's default; with the *mean* over features it matters
TEST_ROWS = 200_000  # effects are as small as 4e-4, so the standard error must be below 1e-4


def rescaled_eps(n: int, sparsity: float, eps: float = EPS, reduction: str = "mean") -> float:
    """Return the ε that gives a smaller problem the behaviour of the published size.

    With ``reduction="mean"`` gradients scale as (1 − S)/n: a feature is present in a share
    1 − S of the rows, and the squared error is averaged over n. AdamW divides by √v + ε, so ε
    must scale with the gradients: ε · ((1 − S)/10⁻³) · (10⁴/n). With ``reduction="sum"`` they
    scale as 1 − S alone.

    Parameters
    ----------
    n : int
        Number of features of the smaller problem.
    sparsity : float
        Its probability S that a feature is zero.
    eps : float
        ε at the published size.
    reduction : str
        "mean" or "sum" over the features, as in `TrainConfig`.

    Returns
    -------
    float
        10⁻⁶ at (n, S) = (1,000, 0.99), and `eps` itself at the published size.

    Examples
    --------
    >>> sdd.paper.rescaled_eps(n=1_000, sparsity=0.99)
    1e-06
    """
    # Rounded to 9 digits so that 1 − 0.999 and its like leave no trace in stored settings.
    shrunk = N / n if reduction == "mean" else 1.0
    return float(f"{eps * ((1 - sparsity) / (1 - SPARSITY)) * shrunk:.9g}")


def rescaled_size(T: int, n: int) -> int:
    """Return the dataset size that is to `n` features what `T` is to the published n.

    Each feature is seen T(1 − S) times. A problem with n features and the same number of active
    features per row (S scaled along) sees each as often when T shrinks with n.

    Parameters
    ----------
    T : int
        Number of data points at the published size.
    n : int
        Number of features of the smaller problem.

    Returns
    -------
    int

    Examples
    --------
    >>> sdd.paper.rescaled_size(5_000, n=1_000)
    500
    """
    return max(1, round(T * n / N))


# --- Values read off the published figures by eye, with their reading errors --------------------

# Test loss, mean of four data seeds (figure "double descent", top). T = 3 and 10 are off its top.
TEST_LOSS: dict[float, float] = {
    5: 1.000, 6: 1.000, 8: 1.018, 15: 1.022, 30: 1.0075, 50: 1.005, 100: 1.003, 200: 1.0015,
    500: 1.0005, 1_000: 1.0007, 2_000: 1.015, 5_000: 0.9995, 10_000: 0.9988, 20_000: 0.9988,
    50_000: 0.9988, 100_000: 0.9988, 200_000: 0.9988, 500_000: 0.9988, math.inf: 0.9988,
}  # fmt: skip
OFF_THE_TOP = (3, 10)
LOSS_READING = 3e-4
BUMP_READING = 2e-3  # where the curve is steep: T = 2,000

# Dimensionality of examples (same figure, middle): each point at T = 3, the common value above.
EXAMPLE_D: dict[float, tuple[float, ...]] = {
    3: (0.81, 0.63, 0.55),
    5: (0.4,),
    15: (0.14,),
    30: (0.095,),
}
# Dimensionality of the five features, as lowest and highest value read.
FEATURE_D: dict[float, tuple[float, float]] = {10_000: (0.23, 0.25), math.inf: (0.255, 0.255)}
FEATURE_D_LATER = (0.18, 0.285)  # over T > 10,000
D_READING = 0.01

RING_OF_30 = (21, 22)  # hidden vectors on the ring at T = 30; the others are near zero
BAND_SPLITS = (700, 7_000)  # T at which the bands of D split: the regimes' borders
LENGTH_PEAK_AT = 30  # T around which hidden vectors are longest (text)
NORM_PLATEAU = math.sqrt(5)  # ‖W‖ for large T (text)
NORM_READING = 0.05  # of the value

# --- Jermyn's replication, printed as a comment on the paper (text) -----------------------------

JERMYN_PEAK = 5_000  # its peak test loss, about
JERMYN_MIDDLE = 100  # T from which it is in the middle regime
JERMYN_FEATURES = 20_000  # the first T at which features are represented
JERMYN_B = 3  # its peak ‖b‖, as a multiple of the paper's
JERMYN_REPEATS = 0.4  # of T/n, where that is large: so many repeats are memorised (comment)

# --- A public replication whose results are committed: github.com/wenjie1835/Interaction_Law ----

# Its settings (Double_descent/data_scaling.py). ε is PyTorch's default; the loss is the sum.
WENJIE_SETTINGS = {
    "n": 1_000, "sparsity": 0.99, "reduction": "sum", "steps": 3_000, "lr": 5e-3, "warmup": 750,
    "eps": 1e-8,
}  # fmt: skip
# Test loss by T, as mean and deviation over five model seeds of one data seed
# (results_bottleneck_scaling/summary.csv), on a test set of 5,000 rows.
WENJIE_LOSS: dict[int, tuple[float, float]] = {
    100: (1.0321, 0.0111), 200: (1.2483, 0.0446), 500: (1.5340, 0.1631), 1_000: (1.0583, 0.0594),
    1_946: (0.99449, 0.00017),
}  # fmt: skip
WENJIE_SEEDS, WENJIE_ROWS = 5, 5_000
