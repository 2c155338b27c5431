"""The results of a measurement in words and columns."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["lines", "middle", "share_of_limit", "slope", "step_times"]

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
            f"m = {row['m']:>3}, T = {row['T']:,}, {row['regime']} (planted weights): textbook "
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
    yield from figures["notes"]
    yield f"measured in {figures['measured_in']:.0f} s"
