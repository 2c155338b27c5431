"""The page on other replications cites each, and says which settings it had."""

import re
from pathlib import Path

from sdd.findings import elsewhere

REFERENCES = (Path(__file__).parents[2] / "book" / "references.bib").read_text(encoding="utf-8")


def test_every_replication_is_in_the_references_and_has_a_row():
    keys = [key for found in elsewhere.REPLICATIONS for key in found.key.split(",")]
    assert len(keys) == len(set(keys))
    assert set(keys) <= set(re.findall(r"^@\w+\{([^,]+),", REFERENCES, flags=re.M))
    table = elsewhere.table()
    assert len(table) == len(elsewhere.REPLICATIONS)
    assert all(f"{{cite:t}}`{key}`" in "".join(table.iloc[:, 0]) for key in keys)
    assert table["Settings"].str.contains("squared error").all()
