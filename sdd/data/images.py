"""Pictures of digits as data: scikit-learn's, and MNIST from a file of one's own."""

import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from sdd.data.dataset import Dataset

__all__ = ["CLASSES", "MNIST", "digits", "labelled", "mnist"]

CLASSES = 10
MNIST = "SDD_MNIST"  # the environment variable that names a file of MNIST


@cache
def digits() -> tuple[Float[np.ndarray, "T pixels"], Int[np.ndarray, " T"]]:
    """Return scikit-learn's 1,797 pictures of digits, 8 × 8, in an order drawn once, with labels.

    Returns
    -------
    images : (T, pixels) array
        Pictures as rows, of grey values of 0 or more.
    labels : (T,) int array
        What they show.
    """
    from sklearn.datasets import load_digits  # in here, as it takes a second

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], labels[order]


def mnist() -> tuple[Float[np.ndarray, "T pixels"], Int[np.ndarray, " T"]] | None:
    """Return the pictures of MNIST in the file that SDD_MNIST names, or None where it names none.

    An .npz file has the arrays ``x_train`` and ``y_train``. Of MNIST's own format, gzipped or not,
    it is the file of images; that of labels lies beside it, named with "labels-idx1" in the place
    of "images-idx3".

    Returns
    -------
    images, labels
        As of `digits`.

    Raises
    ------
    ValueError
        Where the file is of neither format.
    """
    if not (name := os.environ.get(MNIST)):
        return None
    file = Path(name).expanduser()
    if file.suffix == ".npz":
        with np.load(file) as arrays:
            images, labels = arrays["x_train"], arrays["y_train"]
    elif "images-idx3" in file.name:
        images = _idx(file)
        labels = _idx(file.with_name(file.name.replace("images-idx3", "labels-idx1")))
    else:
        raise ValueError(f"{MNIST} must name an .npz file or one of images-idx3, not {name!r}")
    return images.reshape(len(images), -1).astype(np.float64), labels.astype(np.int64)


def _idx(file: Path) -> np.ndarray:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
        found = opened.read()
    if found[:3] != b"\0\0\x08":
        raise ValueError(f"{file.name} must begin as an idx file of bytes does, with 00 00 08")
    shape = np.frombuffer(found, ">i4", found[3], 4)
    return np.frombuffer(found, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def labelled(images: Float[np.ndarray, "T pixels"], labels: Int[np.ndarray, " T"]) -> Dataset:
    """Return pictures with their labels as rows of unit norm: pixels, then one column a class.

    Parameters
    ----------
    images : (T, pixels) array
        Grey values, scaled here to one length a picture.
    labels : (T,) int array
        From 0 to 9.

    Returns
    -------
    Dataset
        Of pixels + 10 features.

    Examples
    --------
    >>> from sdd.data.images import labelled
    >>> data = labelled(np.array([[3.0, 4.0]]), np.array([1]))
    >>> (np.sqrt(2) * data[0][:4]).round(1).tolist()
    [0.6, 0.8, 0.0, 1.0]
    """
    rows = images / np.linalg.norm(images, axis=1, keepdims=True).clip(1e-9)
    return Dataset.from_dense(np.hstack([rows, np.eye(CLASSES)[labels]]) / np.sqrt(2))
