"""The data of what one can play on the site."""

import base64
import json

import numpy as np
import pytest

from sdd.findings import playing, provenance


def test_packed_numbers_are_within_half_a_step_of_their_own():
    values = np.random.default_rng(0).normal(size=(30, 2))
    found = playing.pack(values)
    read = np.frombuffer(base64.b64decode(found["i16"]), "<i2").reshape(found["shape"])
    assert np.abs(read * found["scale"] - values).max() <= np.abs(values).max() / 65_534 * 1.001
    with pytest.raises(ValueError, match="only finite numbers can be packed"):
        playing.pack([np.nan])


def test_numbers_can_be_packed_as_they_are():
    values = np.random.default_rng(0).normal(size=(30, 2))
    found = playing.exact(values)
    read = np.frombuffer(base64.b64decode(found["f64"]), "<f8").reshape(found["shape"])
    assert np.array_equal(read, values)


def test_data_are_written_as_a_script_while_the_book_is_built(tmp_path, monkeypatch):
    monkeypatch.delenv(provenance.FOLDER, raising=False)
    playing.publish_data("x", {"T": [np.int64(5), np.inf]})
    monkeypatch.setenv(provenance.FOLDER, str(tmp_path / "data"))
    playing.publish_data("x", {"T": [np.int64(5), np.inf], "W": np.zeros((2, 2))})
    text = (tmp_path / "play" / "x.js").read_text()
    assert text.startswith('sddData("x",')
    content = json.loads(text.removeprefix('sddData("x",').removesuffix(");\n"))
    assert content["T"] == [5, None]
    assert content["W"]["shape"] == [2, 2]
