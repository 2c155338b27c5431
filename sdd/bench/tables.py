"""The results of a measurement as tables and in words."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["lines", "slope", "step_times", "summary", "summary_table", "timings"]

ORDER = (
    "textbook",
    "chunks of rows",
    "chunks, compiled",
    "dense, 1 core",
    "pair loop, 1 core",
    "engine, 1 core",
    "engine",
)
ON_PAGE = ("textbook", "dense, 1 core", "engine, 1 core", "engine")
RATIOS = {f"{name} ÷ engine": name for name in ("textbook", "chunks, compiled", "sgemm")}
SPARSE = "sparse terms ÷ reading the data"


def step_times(results: dict[str, Any]) -> pd.DataFrame:
    """Return the times of steps, a row a repeat: `method`, `T` and `ms`.

    Parameters
    ----------
    results : dict
        As of `measured`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> row = {"T": 1_000, "seconds": {"textbook": [0.01, 0.02], "engine": [1e-5, 2e-5]}}
    >>> sdd.bench.step_times({"sizes": [row]}).groupby("method")["ms"].mean().round(3).to_dict()
    {'engine': 0.015, 'textbook': 15.0}
    """
    rows = [
        {"method": name, "T": row["T"], "ms": 1e3 * seconds}
        for name in ORDER
        for row in results["sizes"]
        for seconds in row["seconds"].get(name, ())
    ]
    return pd.DataFrame(rows, columns=["method", "T", "ms"])


def _medians(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows with the median seconds a step of each method (NaN: none), and ratios.

    "fastest" is the faster of the engine on one core and on all.
    """
    names = (*ORDER, "sgemm", "sparse terms, 1 core", "reading the data")
    times = [{k: np.median(row["seconds"].get(k, np.nan)) for k in names} for row in rows]
    table = pd.DataFrame(rows).join(pd.DataFrame(times))
    table["fastest"] = table[["engine", "engine, 1 core"]].min(axis=1)
    table[SPARSE] = table["sparse terms, 1 core"] / table["reading the data"]
    return table.assign(**{k: table[name] / table["fastest"] for k, name in RATIOS.items()})


def _power(table: pd.DataFrame, column: str) -> float:
    """Return the power of T that a column grows by from T = 1,000 on (NaN: fewer than two)."""
    logs = np.log(table.loc[table["T"] >= 1_000, ["T", column]].dropna().to_numpy(float))
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]) if len(logs) > 1 else np.nan


def slope(results: dict[str, Any], name: str = "engine, 1 core") -> float:
    """Return the power of T that a method's time grows by from T = 1,000 on.

    Parameters
    ----------
    results : dict
        As of `measured`.
    name : str
        The method.

    Returns
    -------
    float
        NaN where it was measured at fewer than two such T.

    Examples
    --------
    >>> rows = [{"T": T, "seconds": {"engine": [1e-8 * T]}} for T in (1_000, 10_000)]
    >>> round(sdd.bench.slope({"sizes": rows}, "engine"), 6)
    1.0
    """
    return _power(_medians(results["sizes"]), name)


def summary(results: dict[str, Any]) -> dict[str, float]:
    """Return the numbers that the engine is held to, by name: those that were measured.

    Ratios are those of medians, to the faster of the engine on one core and on all.
    """
    found: dict[str, float] = {}
    table = _medians(results["sizes"])
    table["ms a step"] = (1e3 * table["fastest"]).where(table["T"] >= 100_000)
    for row in table.to_dict("records"):
        found |= {f"T = {row['T']:,}: {k}": row[k] for k in (*RATIOS, "ms a step", SPARSE)}
    found["pairs visited grow as T to the power of"] = _power(table, "visited")
    for row in results.get("memory", ()):
        found[f"T = {row['T']:,}: MB of {row['method']}"] = row["megabytes"]
    if rows := results.get("hidden"):
        for row in _medians(rows).to_dict("records"):
            found |= {f"m = {row['m']}, {row['regime']}: {k}": row[k] for k in RATIOS}
    if "small_models_seconds" in results:
        found[f"{results['small_models']} small models: s"] = results["small_models_seconds"]
    return {what: float(value) for what, value in found.items() if np.isfinite(value)}


def summary_table(results: dict[str, Any]) -> pd.DataFrame:
    """Return the summary as text, a row a number.

    Parameters
    ----------
    results : dict
        As of `measured`.

    Returns
    -------
    DataFrame
        With the columns ``What`` and ``Measured``.

    Examples
    --------
    >>> row = {"T": 1_000, "seconds": {"textbook": [0.01], "engine": [1e-5]}, "visited": 9}
    >>> sdd.bench.summary_table({"sizes": [row]}).to_numpy().tolist()
    [['T = 1,000: textbook ÷ engine', '1,000']]
    """
    found = summary(results).items()
    rows = [(what, f"{v:,.0f}" if v >= 100 else f"{v:.3g}") for what, v in found]
    return pd.DataFrame(rows, columns=["What", "Measured"])


def _time(seconds: Sequence[float]) -> str:
    """Return the median and the spread in milliseconds."""
    if not len(seconds):
        return "–"
    low, mid, high = 1e3 * np.quantile(seconds, [0, 0.5, 1])
    digits = 3 if mid < 1 else 2 if mid < 100 else 0
    return f"{mid:,.{digits}f} ({low:,.{digits}f}..{high:,.{digits}f})"


def _text(values: Iterable[float], form: str) -> list[str]:
    return ["–" if np.isnan(v) else form.format(v) for v in values]


def _times(rows: Sequence[dict[str, Any]], names: Iterable[str]) -> dict[str, list[str]]:
    return {f"{name}, ms": [_time(row["seconds"].get(name, ())) for row in rows] for name in names}


def timings(results: dict[str, Any], names: Iterable[str] = ON_PAGE) -> pd.DataFrame:
    """Return step times of the methods in milliseconds by T as text: median, least and most.

    Parameters
    ----------
    results : dict
        As of `measured`.
    names : iterable of str
        The methods.

    Returns
    -------
    DataFrame
        A row a T, and a column a method.

    Examples
    --------
    >>> seconds = {"textbook": [0.01], "engine": [1e-5]}
    >>> row = {"T": 1_000, "seconds": seconds, "visited": 9, "pairs": 90}
    >>> sdd.bench.timings({"sizes": [row]}, ["textbook"]).loc[0].tolist()
    ['1,000', '10.00 (10.00..10.00)', '1,000×', '10.00%']
    """
    table = _medians(results["sizes"])
    return pd.DataFrame({
        "T": _text(table["T"], "{:,}"),
        **_times(results["sizes"], names),
        "textbook ÷ engine": _text(table["textbook ÷ engine"], "{:,.0f}×"),
        "pairs visited": _text(table["visited"] / table["pairs"], "{:.2%}"),
    })  # fmt: skip


def _full_table(results: dict[str, Any]) -> pd.DataFrame:
    """Return all step times by T as text, and how far they are from the limits.

    The share of the limit is the time that the visited pairs alone would take on one core ÷ that
    of the engine's step. The pair loop's rate is that at the same T, or at its largest.
    """
    table = _medians(results["sizes"])
    rate = (table["pairs"] / table["pair loop, 1 core"]).ffill()
    share = table["visited"] / rate / table["engine, 1 core"]
    measured = [name for name in ORDER if table[name].notna().any()]
    limits = {"share of limit": (share, "{:.0%}"), "sparse ÷ reading": (table[SPARSE], "{:.1f}")}
    return timings(results, measured).assign(**{k: _text(*v) for k, v in limits.items()})


def _hidden_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return the step times at other m as text."""
    table = _medians(rows)
    return table[["m", "T", "regime"]].assign(
        **_times(rows, ("textbook", "sgemm", "engine, 1 core", "engine")),
        **{"textbook ÷ engine": _text(table["textbook ÷ engine"], "{:,.1f}×")},
    )


def lines(results: dict[str, Any]) -> Iterator[str]:
    """Yield the results as lines of text: tables, and what goes with them."""
    yield (
        f"{results['machine']}; n = {results['n']:,}, m = 2; ms per step: median (least..most) "
        f"of {results['repeats']} repeats in turns; engine on {results['cores']} cores"
    )
    yield from _full_table(results).to_string(index=False).splitlines()
    for row in results["sizes"]:
        steps = ", ".join(f"{1e3 * s:.3g} ms at {k}" for k, s in row["by_step"].items())
        yield f"weights at T = {row['T']:,}: {row['weights']}; engine on 1 core by step: {steps}"
    yield f"slope of the engine's time on 1 core from T = 1,000 on: {slope(results):.2f}"
    if rows := results.get("hidden"):
        yield from _hidden_table(rows).to_string(index=False).splitlines()
    if "sweep" in results:
        alone, busy = results["sweep"]["alone"], results["sweep"]["busy"]
        yield (
            f"a small sweep alone {alone:.1f} s, with another process on one core {busy:.1f} s: "
            f"{busy / alone:.2f} times as long (should be below 2)"
        )
    yield "in short:"
    for what, value in summary_table(results).itertuples(index=False):
        yield f"  {what}: {value}"
    yield from results["notes"]
    yield f"measured in {results['measured_in']:.0f} s"
