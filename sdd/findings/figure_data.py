"""The data of a figure, read off the figure as drawn: what the site offers under it as CSV."""

import csv
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryConverter
from matplotlib.collections import (
    FillBetweenPolyCollection,
    LineCollection,
    PathCollection,
    PolyCollection,
    QuadMesh,
)
from matplotlib.container import BarContainer, Container, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import AxLine, Line2D
from matplotlib.patches import Ellipse, Patch, Rectangle

__all__ = ["FOLDER", "rows", "save"]

# The environment variable by which tools/book_site.py asks for files while it builds the book.
FOLDER = "SDD_FIGURE_DATA"
COLUMNS = ("panel", "series", "part", "x", "y", "low", "high", "width", "height", "value")
ALWAYS = ("panel", "series", "x", "y")
ACROSS = (("x", "width"), ("y", "low", "high", "height"))  # along x, along y
DECORATION = "_nolegend_"

Block = dict[str, Any]  # column → values of one series


def save(name: str, figure: Figure | None = None) -> None:
    """Write the data of a figure to NAME.csv while the book is built; else do nothing.

    Parameters
    ----------
    name : str
        The figure's own name in the book, such as "fig-norms".
    figure : Figure or None
        None means the current one.

    Raises
    ------
    ValueError
        Where the figure shows no data.
    TypeError
        As for `rows`.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    found = rows(figure or plt.gcf())
    if not found:
        raise ValueError(f"the figure of {name} shows no data: save after drawing, in one cell")
    used = [c for c in COLUMNS if c in ALWAYS or any(c in row for row in found)]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder) / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, used, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def rows(figure: Figure) -> list[dict[str, str]]:
    """Return what a figure shows, a row for each mark.

    A panel is named by the label of its axes (`ax.set_label`, which is not drawn), by its title,
    or by its number. A series is named by its label or by its number; a label "_name" names it
    here and not in the legend. Left out are what is labelled "_nolegend_", what reaches across
    the axes without a label (`axhline` and its like), texts, and empty series.

    Parameters
    ----------
    figure : Figure
        As drawn.

    Returns
    -------
    list of dict
        Of panel, series, x and y, and as needed: part (of a series of several outlines), low and
        high (of a band or an error bar), width and height (of a box), and value (of a colour).

    Raises
    ------
    TypeError
        Where it shows something that this module cannot read.
    """
    found: list[dict[str, str]] = []
    panels: list[str] = []
    for ax in (a for main in figure.axes for a in (main, *main.child_axes)):
        if not (isinstance(ax, Axes) and ax.get_visible()) or ax.get_label() == "<colorbar>":
            continue
        number = str(len(panels) + 1)
        panel = str(ax.get_label()) or ax.get_title() or number
        panels.append(f"{panel} ({number})" if panel in panels else panel)
        names = [_instead(ax.xaxis), _instead(ax.yaxis)]
        for series, block in _blocks(ax):
            for row in _rows(block, *names):
                found.append({"panel": panels[-1], "series": series, **row})
    return found


def _instead(axis: Axis) -> dict[float, str]:
    """Return what stands at places of an axis instead of a number: ∞, or names of categories."""
    ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    texts = {float(place): label.get_text() for place, label in ticks}
    named = isinstance(axis.get_converter(), StrCategoryConverter)  # "2 to 5 times" is a name, too
    return {
        place: "inf" if text in ("∞", r"$\infty$") else text
        for place, text in texts.items()
        if text and (named or not re.search(r"\d", text))
    }


def _rows(block: Block, x: dict[float, str], y: dict[float, str]) -> Iterator[dict[str, str]]:
    instead = {"x": x, "y": y}
    columns: Block = {c: np.ma.filled(np.ma.asarray(v, float), np.nan) for c, v in block.items()}
    # (Of a band these are the mark itself; beside y they are the ends of its error bar.)
    error = {"low", "high"} if "y" in columns else set()
    for values in zip(*columns.values(), strict=True):
        found = {c: v for c, v in zip(columns, map(float, values), strict=True) if np.isfinite(v)}
        if columns.keys() - found.keys() <= error:  # else it is not drawn
            yield {c: instead.get(c, {}).get(v) or _text(v) for c, v in found.items()}


def _text(value: float) -> str:
    """Write whole numbers in full, as sizes must be exact, and others with six digits."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def _blocks(ax: Axes) -> Iterator[tuple[str, Block]]:
    """Yield the series of one panel, each with its name."""
    inside = {id(part) for container in ax.containers for part in _parts(container)}
    drawn: tuple[Any, ...] = (*ax.containers, *ax.lines, *ax.patches, *ax.collections, *ax.images)
    unnamed = 0
    for artist in drawn:
        label = str(artist.get_label())
        if isinstance(artist, ContourSet):  # which Matplotlib itself labels "_nolegend_"
            label = label.removeprefix(DECORATION)
        is_named = not re.fullmatch(r"(_(child|container)\d+)?", label)
        if id(artist) in inside or label == DECORATION:
            continue
        block, across = _read(artist), isinstance(artist, AxLine)
        if isinstance(artist, Artist):
            if not artist.get_visible():
                continue
            for is_data, columns in zip(_in_data(artist, ax), ACROSS, strict=True):
                if not is_data:
                    block, across = {c: v for c, v in block.items() if c not in columns}, True
        if (across and not is_named) or not all(map(len, block.values())):
            continue
        if isinstance(artist, Line2D) and len(block) == 1:  # axhline: both its ends say the same
            block = {c: v[:1] for c, v in block.items()}
        unnamed += not is_named
        yield label.removeprefix("_") if is_named else str(unnamed), block


def _in_data(artist: Artist, ax: Axes) -> tuple[bool, bool]:
    """Return whether x and y of an artist are those of the data (`axhline` has x of its own)."""
    if isinstance(artist, AxLine):
        return True, True
    if isinstance(artist, PathCollection):
        place = artist.get_offset_transform()
    else:
        place = artist.get_data_transform() if isinstance(artist, Patch) else artist.get_transform()
    in_x, in_y = place.contains_branch_seperately(ax.transData)
    return in_x, in_y


def _parts(container: Container) -> Iterator[Artist]:
    """Yield the artists of which a container consists."""
    for part in container:
        yield from part if isinstance(part, tuple | list) else (part,)


def _read(artist: Any) -> Block:
    """Return what one artist shows; one that nobody taught this function is an error."""
    match artist:
        case BarContainer():
            return _bars(artist)
        case ErrorbarContainer() if artist[0] is not None and not artist.has_xerr:
            return _read(artist[0]) | _ends(artist)
        case AxLine():
            first: Any = artist.get_xy1()
            return _columns([first, artist.get_xy2() or np.add(first, (1, artist.get_slope()))])
        case Line2D():
            return _columns(artist.get_xydata())
        case Rectangle():
            return _box(artist.get_xy(), artist.get_width(), artist.get_height())
        case Ellipse():
            return _box(artist.center, artist.width, artist.height)
        case Patch():
            outline = artist.get_path().transformed(artist.get_patch_transform())
            return _columns(outline.vertices)
        case ContourSet():
            lines: list[Any] = []
            levels: list[float] = []
            for path, level in zip(artist.get_paths(), artist.levels, strict=False):
                for line in path.to_polygons(closed_only=False):
                    lines.append(line)
                    levels += [level] * len(lines[-1])
            return _outlines(lines) | {"value": levels}
        case PathCollection():
            return _columns(artist.get_offsets(), artist.get_array())
        case FillBetweenPolyCollection() if artist.t_direction == "x":  # type: ignore[attr-defined]
            ends: dict[float, list[float]] = {}
            outlines = [path.vertices for path in artist.get_paths()]
            for at, end in np.concatenate([np.empty((0, 2)), *outlines]):
                ends.setdefault(at, []).append(end)
            low, high = ([f(v) for v in ends.values()] for f in (min, max))
            return {"x": list(ends), "low": low, "high": high}
        case LineCollection():
            return _outlines(artist.get_segments())
        case PolyCollection() if np.shape(artist.get_offsets())[0] <= 1:  # unlike those of a hexbin
            return _outlines(path.vertices for path in artist.get_paths())
        case QuadMesh():
            values, grid = artist.get_array(), np.asarray(artist.get_coordinates())
            if grid.shape[:2] != values.shape:  # type: ignore[union-attr]
                # Corners of cells: take their middle.
                grid = (grid[1:, 1:] + grid[1:, :-1] + grid[:-1, 1:] + grid[:-1, :-1]) / 4
            return _columns(grid.reshape(-1, 2), values)
        case AxesImage() if len(artist.get_shape()) == 2:
            return _image(artist)
    raise TypeError(
        f"figure_data cannot read what a {type(artist).__name__} shows: "
        'teach it, or label the artist "_nolegend_" if it shows no data'
    )


def _columns(points: Any, values: Any = None) -> Block:
    points = np.ma.asarray(points)
    block = {"x": points[:, 0], "y": points[:, 1]}
    return block if values is None else block | {"value": np.ma.ravel(values)}


def _box(at: tuple[float, float], width: float, height: float) -> Block:
    return {"x": [at[0]], "y": [at[1]], "width": [width], "height": [height]}


def _outlines(outlines: Iterable[Any]) -> Block:
    """Return the corners of several outlines, numbered by outline."""
    each = list(outlines)
    part = [np.full(len(outline), k) for k, outline in enumerate(each, 1)]
    return {"part": np.concatenate([[], *part])} | _columns(
        np.concatenate([np.empty((0, 2)), *each])
    )


def _ends(errors: ErrorbarContainer | None) -> Block:
    """Return the lower and upper ends of error bars."""
    if errors is None or not errors.has_yerr:
        return {}
    # (Not their segments, which are without the ends that are NaN.)
    ends = np.array([path.vertices[:, 1] for path in errors[2][-1].get_paths()]).reshape(-1, 2)
    return {"low": ends[:, 0], "high": ends[:, 1]}


def _bars(bars: BarContainer) -> Block:
    """Return bars by their middle and their length."""
    if bars.orientation == "horizontal":
        x, y = (p.get_width() for p in bars), (p.get_y() + p.get_height() / 2 for p in bars)
    else:
        x, y = (p.get_x() + p.get_width() / 2 for p in bars), (p.get_height() for p in bars)
    return {"x": list(x), "y": list(y)} | _ends(bars.errorbar)


def _image(image: AxesImage) -> Block:
    """Return the cells of an image by their middle."""
    values: Any = image.get_array()
    left, right, bottom, top = image.get_extent()
    first, last = (top, bottom) if image.origin == "upper" else (bottom, top)
    down, across = ((np.arange(k) + 0.5) / k for k in np.shape(values))
    x, y = np.meshgrid(left + (right - left) * across, first + (last - first) * down)
    return {"x": x.ravel(), "y": y.ravel(), "value": np.ma.ravel(values)}
