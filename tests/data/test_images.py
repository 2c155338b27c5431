"""Pictures of digits are read as their sources have them, and become rows of unit norm."""

import gzip
import re

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sdd.data.images import MNIST, digits, labelled, mnist


def test_the_digits_are_those_of_scikit_learn_in_another_order():
    images, labels = digits()
    theirs = load_digits()
    ours = sorted(map(tuple, np.column_stack([labels, images])))
    assert ours == sorted(map(tuple, np.column_stack([theirs.target, theirs.data])))


def test_rows_are_pixels_and_label_of_one_length_each():
    images, labels = digits()
    X = labelled(images, labels).to_dense()
    assert X.shape == (1_797, 74)
    assert (X[:, -10:].argmax(axis=1) == labels).all()
    for part in (X[:, :-10], X[:, -10:]):
        np.testing.assert_allclose((part**2).sum(axis=1), 0.5, rtol=1e-5)


def idx(array):
    shape = np.array(array.shape, ">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def test_mnist_is_read_from_an_npz_file_and_from_its_own_format(tmp_path, monkeypatch):
    monkeypatch.delenv(MNIST, raising=False)
    assert mnist() is None
    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    shown = np.arange(5, dtype=np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=pixels, y_train=shown)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(pixels))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(shown))
    with gzip.open(tmp_path / "t10k-images-idx3-ubyte.gz", "wb") as file:
        file.write(idx(pixels))
    with gzip.open(tmp_path / "t10k-labels-idx1-ubyte.gz", "wb") as file:
        file.write(idx(shown))
    for name in ("mnist.npz", "train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"):
        monkeypatch.setenv(MNIST, str(tmp_path / name))
        images, labels = mnist()
        assert (images == pixels.reshape(5, 784)).all()
        assert (labels == shown).all()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mnist.csv", "SDD_MNIST must name an .npz file or one of images-idx3"),
        ("images-idx3", "must begin as an idx file of bytes does, with 00 00 08"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_a_sentence(tmp_path, monkeypatch, name, said):
    (tmp_path / name).write_text("no pictures")
    monkeypatch.setenv(MNIST, str(tmp_path / name))
    with pytest.raises(ValueError, match=re.escape(said)):
        mnist()
