"""An archive of runs described for those who know nothing of this package: as an RO-Crate.

A crate is a collection of files with a description in JSON-LD, in the words of schema.org:
https://w3id.org/ro/crate/1.2. Ours says what each file is, its size and hash, the licence, and with
which software, on which machine, the runs were trained.
"""

import collections
import hashlib
from typing import Any

__all__ = ["CRATE", "LICENSE", "MANIFEST", "described", "member"]

MANIFEST, CRATE = "manifest.json", "ro-crate-metadata.json"
LICENSE, SPDX = "MIT", "https://spdx.org/licenses/"


def member(name: str) -> str:
    """Return what the file of a run is called in an archive.

    Parameters
    ----------
    name : str
        Name of the run.

    Returns
    -------
    str
        A path in the archive.

    Examples
    --------
    >>> from sdd.runs.crate import member
    >>> member("a-run")
    'runs/a-run.safetensors'
    """
    return f"runs/{name}.safetensors"


def described(manifest: dict[str, Any], text: bytes, last_written: str) -> dict[str, Any]:
    """Return an archive described as an RO-Crate, version 1.2.

    Parameters
    ----------
    manifest : dict
        What the archive's manifest says.
    text : bytes
        The manifest as it is in the archive.
    last_written : str
        The day on which the last of the runs was written, for where no dates are known.

    Returns
    -------
    dict
        What JSON can hold.

    Examples
    --------
    >>> from sdd.runs.crate import described
    >>> described({"runs": []}, b"", "2024-02-29")["@graph"][1]["datePublished"]
    '2024-02-29'
    """

    def the(*names: str) -> list[dict[str, str]]:
        return [{"@id": name} for name in names]

    def file(path: str, size: int, sha256: str, **more: Any) -> dict[str, Any]:
        return {"@id": path, "@type": "File", "contentSize": str(size), "sha256": sha256} | more

    trained = collections.defaultdict(list)  # by where and with what
    for run in manifest["runs"]:
        versions = run.get("software", {})
        trained[run.get("machine", ""), tuple(sorted(versions.items()))].append(run)
    parts = [
        file(member(run["name"]), run["size"], run["sha256"],
             name=run["command"] or f"a run of data or a model of one's own: {run['name']}",
             encodingFormat="application/octet-stream",
             **({"dateCreated": run["date"]} if "date" in run else {}))
        for run in manifest["runs"]
    ]  # fmt: skip
    said = {"name": "Manifest", "encodingFormat": "application/json"}
    parts.insert(0, file(MANIFEST, len(text), hashlib.sha256(text).hexdigest(), **said))
    actions: list[dict[str, Any]] = []
    for k, ((machine, software), runs) in enumerate(sorted(trained.items())):
        versions = dict(software)
        used = {"@id": f"#software-{k}", "@type": "SoftwareApplication", "name": "sdd"}
        used["version"] = versions.pop("sdd", "unknown")
        used["softwareRequirements"] = ", ".join(f"{n} {v}" for n, v in versions.items())
        on = {"@id": f"#machine-{k}", "@type": "IndividualProduct", "name": machine or "unknown"}
        action = {"@id": f"#training-{k}", "@type": "CreateAction", "name": "Training"}
        made = the(*(member(run["name"]) for run in runs))
        actions += [used, on, action | {"instrument": the(used["@id"], on["@id"]), "result": made}]
    dates = [run["date"] for run in manifest["runs"] if "date" in run]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": 'Trained models of a reproduction of "Superposition, Memorization, and Double '
        'Descent"',
        "description": f"{len(manifest['runs'])} trained models, a safetensors file each. With the "
        "package sdd, `python -m sdd import` takes them in, and `python -m sdd verify` trains a "
        "sample of them again.",
        "datePublished": max(dates, default=last_written),
        "license": {"@id": SPDX + LICENSE},
        "hasPart": the(*(part["@id"] for part in parts)),
        "mentions": the(*(a["@id"] for a in actions if a["@type"] == "CreateAction")),
    }
    about = {"@id": CRATE, "@type": "CreativeWork", "about": {"@id": "./"}}
    about["conformsTo"] = {"@id": "https://w3id.org/ro/crate/1.2"}
    terms = {"@id": SPDX + LICENSE, "@type": "CreativeWork", "name": f"{LICENSE} License"}
    graph = [about, root, terms, *parts, *actions]
    return {"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": graph}
