"""The results of a measurement as tables and in words."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "lines",
    "share_of_limit",
    "slope",
    "step_times",
    "summary",
    "summary_table",
    "timings",
]

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


def step_times(results: dict[str, Any]) -> pd.DataFrame:
    """Return the times of steps, a row a repeat: `method`, `T` and `ms`."""
    rows = [
        {"method": name, "T": row["T"], "ms": 1e3 * seconds}
        for name in ORDER
        for row in results["sizes"]
        for seconds in row["seconds"].get(name, ())
    ]
    return pd.DataFrame(rows, columns=["method", "T", "ms"])


def _medians(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return the median seconds a step, a row each; "fastest" is that of the engine's two ways."""
    seconds = [{name: np.median(v) for name, v in row["seconds"].items()} for row in rows]
    found = pd.DataFrame(seconds)
    return found.assign(fastest=found[["engine", "engine, 1 core"]].min(axis=1))


def _by_size(results: dict[str, Any]) -> pd.DataFrame:
    """Return the medians, the pairs, and those of them that the engine visits, by T."""
    sizes = results["sizes"]
    about = pd.DataFrame([{k: row[k] for k in ("T", "pairs", "visited")} for row in sizes])
    return about.join(_medians(sizes)).set_index("T")


def _power(values: pd.Series) -> float:
    """Return the power of T that the values grow by from T = 1,000 on (NaN: fewer than two)."""
    values = values[values.index >= 1_000].dropna()
    if len(values) < 2:
        return float("nan")
    return float(np.polyfit(np.log(values.index.astype(float)), np.log(values), 1)[0])


def slope(results: dict[str, Any], name: str = "engine, 1 core") -> float:
    """Return d log(time) / d log(T) of a method from T = 1,000 on (NaN: too few T)."""
    return _power(_by_size(results)[name])


def share_of_limit(results: dict[str, Any]) -> dict[int, float]:
    """Return, by T, the time that the visited pairs alone would take ÷ that of the engine's step.

    On one core, at the pair loop's own rate: measured at that T, or at the largest where it was.
    """
    table = _by_size(results)
    rate = (table["pairs"] / table["pair loop, 1 core"]).ffill()
    return (table["visited"] / rate / table["engine, 1 core"]).to_dict()


def summary(results: dict[str, Any]) -> dict[str, float]:
    """Return the numbers that the engine is held to, by name: those that were measured.

    Ratios are those of medians, to the faster of the engine on one core and on all.
    """
    found: dict[str, float] = {}
    table = _by_size(results)
    for T, row in table.iterrows():
        for name in ("textbook", "chunks, compiled"):
            found[f"T = {T:,}: {name} ÷ engine"] = row.get(name, np.nan) / row["fastest"]
        if T >= 100_000:
            found[f"T = {T:,}: ms a step"] = 1e3 * row["fastest"]
        ratio = row.get("sparse terms, 1 core", np.nan) / row.get("reading the data", np.nan)
        found[f"T = {T:,}: sparse terms ÷ reading the data"] = ratio
    found["pairs visited grow as T to the power of"] = _power(table["visited"])
    for row in results.get("memory", ()):
        found[f"T = {row['T']:,}: MB of {row['method']}"] = row["megabytes"]
    if rows := results.get("hidden", ()):
        for about, (_, row) in zip(rows, _medians(rows).iterrows(), strict=True):
            for name in ("textbook", "sgemm"):
                what = f"m = {about['m']}, {about['regime']}: {name} ÷ engine"
                found[what] = row.get(name, np.nan) / row["fastest"]
    if "small_models_seconds" in results:
        found[f"{results['small_models']} small models: s"] = results["small_models_seconds"]
    return {what: float(value) for what, value in found.items() if np.isfinite(value)}


def summary_table(results: dict[str, Any]) -> pd.DataFrame:
    """Return the summary as text, a row a number."""
    found = summary(results).items()
    rows = [(what, f"{v:,.0f}" if v >= 100 else f"{v:.3g}") for what, v in found]
    return pd.DataFrame(rows, columns=["What", "Measured"])


def _time(seconds: Sequence[float]) -> str:
    """Return the median and the spread in milliseconds."""
    if not len(seconds):
        return "–"
    low, mid, high = (1e3 * v for v in (min(seconds), float(np.median(seconds)), max(seconds)))
    digits = 3 if mid < 1 else 2 if mid < 100 else 0
    return f"{mid:,.{digits}f} ({low:,.{digits}f}..{high:,.{digits}f})"


def timings(results: dict[str, Any], names: Sequence[str] = ON_PAGE) -> pd.DataFrame:
    """Return step times in milliseconds by T as text: the median, and the least and the most.

    Parameters
    ----------
    results : dict
        From `bench.measured`.
    names : sequence of str
        The methods to show.
    """
    columns: dict[str, list[str]] = {"T": [f"{row['T']:,}" for row in results["sizes"]]}
    for name in names:
        columns[f"{name}, ms"] = [_time(row["seconds"].get(name, ())) for row in results["sizes"]]
    table = _by_size(results)
    ratios = table["textbook"] / table["fastest"]
    columns["textbook ÷ engine"] = ["–" if np.isnan(r) else f"{r:,.0f}×" for r in ratios]
    columns["pairs visited"] = [f"{v:.2%}" for v in table["visited"] / table["pairs"]]
    return pd.DataFrame(columns)


def _full_table(results: dict[str, Any]) -> pd.DataFrame:
    """Return all step times by T as text, and how far they are from the limits."""
    times = step_times(results)["method"].unique()
    table = _by_size(results).reindex(columns=[*times, "sparse terms, 1 core", "reading the data"])
    ratios = table["sparse terms, 1 core"] / table["reading the data"]
    return timings(results, times).assign(**{
        "share of limit": [f"{share:.0%}" for share in share_of_limit(results).values()],
        "sparse ÷ reading": ["–" if np.isnan(r) else f"{r:.1f}" for r in ratios],
    })  # fmt: skip


def _other_lines(results: dict[str, Any]) -> Iterator[str]:
    for row in results.get("hidden", ()):
        text, one, fast = (row["seconds"][k] for k in ("textbook", "engine, 1 core", "engine"))
        ratio = np.median(text) / min(np.median(one), np.median(fast))
        yield (
            f"m = {row['m']:>3}, T = {row['T']:,}, {row['regime']} weights: textbook "
            f"{_time(text)}, engine on 1 core {_time(one)}, on all {_time(fast)} ms, {ratio:.1f}×"
        )
    for row in results.get("memory", ()):
        yield f"peak memory of {row['method']} at T = {row['T']:,}: {row['megabytes']:,.0f} MB"
    if "small_models_seconds" in results:
        count, seconds = results["small_models"], results["small_models_seconds"]
        yield f"{count} models of T = 10, every step of training, all cores: {seconds:.1f} s"
    if "sweep" in results:
        alone, busy = results["sweep"]["alone"], results["sweep"]["busy"]
        yield (
            f"a small sweep alone {alone:.1f} s, with another process on one core {busy:.1f} s: "
            f"{busy / alone:.2f} times as long (should be below 2)"
        )


def lines(results: dict[str, Any]) -> Iterator[str]:
    """Yield the results as lines of text: one table, and what goes with it."""
    yield (
        f"{results['machine']}; n = {results['n']:,}, m = 2; ms per step: median (least..most) "
        f"of {results['repeats']} repeats in turns; engine on {results['cores']} cores"
    )
    yield from _full_table(results).to_string(index=False).splitlines()
    for row in results["sizes"]:
        steps = ", ".join(f"{1e3 * s:.3g} ms at {k}" for k, s in row["by_step"].items())
        yield f"weights at T = {row['T']:,}: {row['weights']}; engine on 1 core by step: {steps}"
    yield f"slope of the engine's time on 1 core from T = 1,000 on: {slope(results):.2f}"
    yield from _other_lines(results)
    yield "in short:"
    for what, value in summary_table(results).itertuples(index=False):
        yield f"  {what}: {value}"
    yield from results["notes"]
    yield f"measured in {results['measured_in']:.0f} s"
