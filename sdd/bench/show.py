"""The results of a measurement in words and columns."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["lines", "middle", "share_of_limit", "slope", "step_times", "summary"]

ORDER = (
    "textbook",
    "chunks of rows",
    "chunks, compiled",
    "dense, 1 core",
    "pair loop, 1 core",
    "engine, 1 core",
    "engine",
)


def middle(seconds: Sequence[float]) -> float:
    """Return the median."""
    return float(np.median(seconds))


def step_times(figures: dict[str, Any]) -> dict[str, dict[int, list[float]]]:
    """Return the repeats by contender and T, as `plots.step_times` draws them."""
    return {
        name: {row["T"]: row["seconds"][name] for row in figures["sizes"] if name in row["seconds"]}
        for name in ORDER
        if any(name in row["seconds"] for row in figures["sizes"])
    }


def slope(figures: dict[str, Any], name: str = "engine, 1 core", least: int = 1_000) -> float:
    """Return d log(time) / d log(T) of a contender, fitted from T = `least` on (NaN: too few)."""
    times = {T: middle(v) for T, v in step_times(figures).get(name, {}).items() if T >= least}
    if len(times) < 2:
        return float("nan")
    return float(np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)[0])


def share_of_limit(figures: dict[str, Any]) -> dict[int, float]:
    """Return, by T, the time that the visited pairs alone would take ÷ that of the engine's step.

    On one core, at the pair loop's own rate: measured at that T, or at the largest where it was.
    """
    found, rate = {}, float("nan")
    for row in figures["sizes"]:
        seconds = row["seconds"]
        if "pair loop, 1 core" in seconds:
            rate = row["pairs"] / middle(seconds["pair loop, 1 core"])
        found[row["T"]] = row["visited"] / rate / middle(seconds["engine, 1 core"])
    return found


def summary(figures: dict[str, Any]) -> dict[str, float]:
    """Return the numbers that the engine is held to, by name: those that were measured.

    Ratios are those of medians, to the faster of the engine on one core and on all.
    """
    found, visited = {}, {}
    for row in figures["sizes"]:
        T, times = row["T"], {name: middle(v) for name, v in row["seconds"].items()}
        fastest = min(times["engine"], times["engine, 1 core"])
        for name in ("textbook", "chunks, compiled"):
            if name in times:
                found[f"T = {T:,}: {name} ÷ engine"] = times[name] / fastest
        if T >= 100_000:
            found[f"T = {T:,}: ms a step"] = 1e3 * fastest
        if "reading the data" in times:
            ratio = times["sparse terms, 1 core"] / times["reading the data"]
            found[f"T = {T:,}: sparse terms ÷ reading the data"] = ratio
        if T >= 1_000:
            visited[T] = row["visited"]
    if len(visited) > 1:
        line = np.polyfit(np.log(list(visited)), np.log(list(visited.values())), 1)
        found["pairs visited grow as T to the power of"] = float(line[0])
    for row in figures.get("memory", ()):
        found[f"T = {row['T']:,}: MB of {row['contender']}"] = row["megabytes"]
    for row in figures.get("hidden", ()):
        times = {name: middle(v) for name, v in row["seconds"].items()}
        fastest = min(times["engine"], times["engine, 1 core"])
        for name in ("textbook", "sgemm"):
            if name in times:
                what = f"m = {row['m']}, {row['regime']}: {name} ÷ engine"
                found[what] = times[name] / fastest
    if "small_models_seconds" in figures:
        found[f"{figures['small_models']} small models: s"] = figures["small_models_seconds"]
    return found


def _time(seconds: Sequence[float]) -> str:
    """Return the median and the spread in milliseconds."""
    low, mid, high = (1e3 * v for v in (min(seconds), middle(seconds), max(seconds)))
    digits = 3 if mid < 1 else 2 if mid < 100 else 0
    return f"{mid:,.{digits}f} ({low:,.{digits}f}..{high:,.{digits}f})"


def _by_size(figures: dict[str, Any]) -> Iterator[str]:
    times = step_times(figures)
    columns = ["T", *times, "times faster", "pairs visited", "share of limit", "sparse ÷ reading"]
    rows = [columns]
    limit = share_of_limit(figures)
    for row in figures["sizes"]:
        seconds = row["seconds"]
        cells = [f"{row['T']:,}"]
        cells += [_time(seconds[name]) if name in seconds else "–" for name in times]
        fastest = min(middle(seconds[name]) for name in ("engine", "engine, 1 core"))
        text = seconds.get("textbook")
        cells.append(f"{middle(text) / fastest:,.0f}×" if text else "–")
        cells += [f"{row['visited'] / row['pairs']:.2%}", f"{limit[row['T']]:.0%}"]
        sparse, read = (seconds.get(k) for k in ("sparse terms, 1 core", "reading the data"))
        cells.append(f"{middle(sparse) / middle(read):.1f}" if sparse and read else "–")
        rows.append(cells)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        yield "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def _extras(figures: dict[str, Any]) -> Iterator[str]:
    for row in figures.get("hidden", ()):
        text, one, fast = (row["seconds"][k] for k in ("textbook", "engine, 1 core", "engine"))
        ratio = middle(text) / min(middle(one), middle(fast))
        yield (
            f"m = {row['m']:>3}, T = {row['T']:,}, {row['regime']} weights: textbook "
            f"{_time(text)}, engine on 1 core {_time(one)}, on all {_time(fast)} ms, {ratio:.1f}×"
        )
    for row in figures.get("memory", ()):
        yield f"peak memory of {row['contender']} at T = {row['T']:,}: {row['megabytes']:,.0f} MB"
    if "small_models_seconds" in figures:
        count, seconds = figures["small_models"], figures["small_models_seconds"]
        yield f"{count} models of T = 10, every step of training, all cores: {seconds:.1f} s"
    if "sweep" in figures:
        alone, busy = figures["sweep"]["alone"], figures["sweep"]["busy"]
        yield (
            f"a small sweep alone {alone:.1f} s, with another process on one core {busy:.1f} s: "
            f"{busy / alone:.2f} times as long (should be below 2)"
        )


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the results as lines of text: one table, and what goes with it."""
    yield (
        f"{figures['machine']}; n = {figures['n']:,}, m = 2; ms per step: median (least..most) "
        f"of {figures['repeats']} repeats in turns; engine on {figures['cores']} cores"
    )
    yield from _by_size(figures)
    for row in figures["sizes"]:
        steps = ", ".join(f"{1e3 * s:.3g} ms at {k}" for k, s in row["by_step"].items())
        yield f"weights at T = {row['T']:,}: {row['weights']}; engine on 1 core by step: {steps}"
    yield f"slope of the engine's time on 1 core from T = 1,000 on: {slope(figures):.2f}"
    yield from _extras(figures)
    yield "in short:"
    for what, value in summary(figures).items():
        yield f"  {what}: {value:,.0f}" if value >= 100 else f"  {what}: {value:.3g}"
    yield from figures["notes"]
    yield f"measured in {figures['measured_in']:.0f} s"
