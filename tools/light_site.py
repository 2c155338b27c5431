"""What makes pages light: no style, icon or file that none of them uses, images as they are seen.

What the theme and its friends bring for any site is cut down, at the end of the build, to what
this one needs, found by following what its pages name.
"""

import logging
import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Iterator
from functools import cache
from html import unescape
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image
from sphinx.application import Sphinx

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of each character

IMAGE = re.compile(r'<img (?=[^>]*src="[^"]*_images/([^"/]+)")(?![^>]*\b(?:loading|width)=)')
SVG_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
PX_PER_PT = 96 / 72
COORDINATE = re.compile(r"(?<=\.\d\d)\d+")
PIXELS = re.compile(r'(?<=data:image/png;base64,)[^"]+')
DRAWN = re.compile(r'(?<=\s)(?:d|x|y|points)="[^"]*"')
STATIC = re.compile(r'_static/([^"?#\s]+)')
FILE_NAME = re.compile(r"[\w.-]+\.\w+")
CLASSES = re.compile(r'class="([^"]*)"')
TRUETYPE = re.compile(r',\s*url\([^)]*\.ttf\)\s*format\("truetype"\)')
WORD = re.compile(r"[\w-]+")
FORMULA = re.compile(r"<math.*?</math>", re.DOTALL)
# Names, punctuation and blanks in code, which have the colour of what is around them.
PLAIN_CODE = re.compile(r'<span class="[npw]">([^<]*)</span>')
TAG = re.compile(r"<[^>]*>")
ICON = re.compile(r'"(?:\\([0-9a-fA-F]{2,6}) ?|([^\x00-\x7f]))"')
NESTING = ("media", "supports", "layer", "container")
H_OF_PLANCK = 0x210E  # where the italic h stands
RADICAL = 0x221A  # drawn by roots, in whose text it does not stand


# Images


@cache
def size(path: Path) -> tuple[int, int] | None:
    """Return width and height of an image in the page's pixels, where it says them."""
    if path.suffix != ".svg":
        with Image.open(path) as image:
            return image.size
    found = SVG_SIZE.search(path.read_text(encoding="utf-8")[:5_000])
    if found is None:
        return None
    return round(float(found[1]) * PX_PER_PT), round(float(found[2]) * PX_PER_PT)


def load_images_late(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Have images loaded as they come into view, with room kept for them."""
    paths = {name: Path(app.srcdir) / path for path, name in app.builder.images.items()}

    def late(tag: re.Match[str]) -> str:
        known = size(paths[unescape(tag[1])]) if tag[1] in paths else None
        room = f'width="{known[0]}" height="{known[1]}" ' if known else ""
        return f'<img loading="lazy" decoding="async" {room}'

    if "body" in context:
        context["body"] = IMAGE.sub(late, context["body"])


def light_image(svg: str) -> str:
    """Write coordinates to a hundredth of a point, and what is drawn as pixels with a palette."""
    svg = DRAWN.sub(lambda drawn: COORDINATE.sub("", drawn[0]), svg)
    return PIXELS.sub(lambda found: b64encode(by_palette(b64decode(found[0]))).decode(), svg)


def by_palette(png: bytes) -> bytes:
    """Return a picture with a palette, its colours rounded until there are at most 256."""
    pixels = np.array(Image.open(BytesIO(png)).convert("RGBA"))
    for steps in (32, 24, 16):
        rounded = (np.round(pixels / 255 * steps) * (255 / steps)).astype(np.uint8)
        rounded[rounded[..., 3] == 0] = 0
        palette, index = np.unique(rounded.view(np.uint32), return_inverse=True)
        if len(palette) <= 256:
            image = Image.fromarray(index.reshape(pixels.shape[:2]).astype(np.uint8))
            image.putpalette(palette.tobytes(), "RGBA")
            written = BytesIO()
            image.save(written, "PNG", optimize=True)
            return written.getvalue()
    return png


# Styles


def class_names(selector: list[Any]) -> Iterator[str]:
    """Yield the classes that a selector asks for, those within :not() and its like apart."""
    for dot, name in pairwise(selector):
        if dot == "." and name.type == "ident":
            yield name.value


def needed(rules: list[Any], used: set[str], prefixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the rules of a style sheet that may apply where only the used classes occur."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors: list[list[Any]] = [[]]
            for token in rule.prelude:
                if token == ",":
                    selectors.append([])
                else:
                    selectors[-1].append(token)
            kept = [
                tinycss2.serialize(selector).strip()
                for selector in selectors
                if all(c in used or c.startswith(prefixes) for c in class_names(selector))
            ]
            if kept:
                yield f"{','.join(kept)}{{{tinycss2.serialize(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTING and rule.content:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            if inside := "".join(needed(inner, used, prefixes)):
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inside}}}"
        elif rule.type == "at-rule" or (rule.type == "comment" and rule.value.startswith("!")):
            yield rule.serialize()  # such comments are licences


def cut_style(css: str, used: set[str], prefixes: tuple[str, ...] = ()) -> str:
    """Return a style sheet without rules for classes that are neither used nor begin so."""
    rules = tinycss2.parse_stylesheet(css, skip_whitespace=True)
    return TRUETYPE.sub("", "\n".join(needed(rules, used, prefixes)))


# Fonts


def characters(pages: list[str], styles: list[str]) -> set[int]:
    """Return what fonts of the site must have: the characters of formulas and those of icons."""
    formulas = "".join(formula for page in pages for formula in FORMULA.findall(page))
    text = set(unescape(TAG.sub("", formulas)))
    icons = {int(code, 16) if code else ord(c) for s in styles for code, c in ICON.findall(s)}
    # In formulas a single letter is shown by its italic twin, which is another character.
    italics = {
        code
        for code in range(0x1D400, 0x1D800)
        if "ITALIC" in unicodedata.name(chr(code), "")
        and unicodedata.normalize("NFKC", chr(code)) in text
    }
    return {H_OF_PLANCK, RADICAL, *map(ord, text), *icons, *italics}


def cut_font(path: Path, shown: set[int]) -> None:
    """Leave of a font what shows these characters, with their variants for formulas."""
    options = subset.Options(
        flavor="woff2", layout_features=["*"], hinting=False, ignore_missing_unicodes=True
    )
    options.drop_tables += ["FFTM"]
    font = TTFont(path)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=shown)
    cutter.subset(font)
    subset.save_font(font, path, options)


# Files


def mentioned(static: Path, pages: list[str]) -> set[Path]:
    """Return the static files that pages name, and those that these name, and so on."""
    by_name: dict[str, list[Path]] = {}
    for path in filter(Path.is_file, static.rglob("*")):
        by_name.setdefault(path.name, []).append(path)
    found: set[Path] = set()
    names = {Path(unescape(name)).name for page in pages for name in STATIC.findall(page)}
    while more := {path for name in names for path in by_name.get(name, ())} - found:
        found |= more
        texts = [path.read_text("utf-8") for path in more if path.suffix in (".css", ".js", ".mjs")]
        names = {name for text in texts for name in FILE_NAME.findall(text)}
    return found


def lighten(app: Sphinx, error: Exception | None) -> None:
    """Cut images, styles, fonts and files down to what the pages need."""
    if error is not None or app.builder.format != "html":
        return
    site, static = Path(app.outdir), Path(app.outdir) / "_static"
    for image in (site / "_images").glob("*.svg"):
        image.write_text(light_image(image.read_text("utf-8")), "utf-8")
    for page in site.rglob("*.html"):
        page.write_text(PLAIN_CODE.sub(r"\1", page.read_text("utf-8")), "utf-8")
    pages = [page.read_text("utf-8") for page in site.rglob("*.html") if static not in page.parents]
    ours = {
        static / path.relative_to(Path(app.srcdir) / folder)
        for folder in app.config.html_static_path
        if not Path(folder).is_absolute()  # extensions add theirs so
        for path in (Path(app.srcdir) / folder).rglob("*")
    }
    kept = mentioned(static, pages)
    scripts = "\n".join(path.read_text("utf-8") for path in kept if path.suffix in (".js", ".mjs"))
    words = set(WORD.findall(scripts))
    used = words.union(*(names.split() for page in pages for names in CLASSES.findall(page)))
    prefixes = tuple(f"{word}-" for word in words if "-" in word)
    for path in kept - ours:
        if path.suffix == ".css":
            path.write_text(cut_style(path.read_text("utf-8"), used, prefixes), "utf-8")
    kept = mentioned(static, pages)
    shown = characters(pages, [p.read_text("utf-8") for p in kept if p.suffix == ".css"])
    for path in kept:
        if path.suffix == ".woff2":
            cut_font(path, shown)
    for path in set(filter(Path.is_file, static.rglob("*"))) - kept - ours:
        path.unlink()
    for folder in sorted(filter(Path.is_dir, static.rglob("*")), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx: images after the page is made, all else at the very end."""
    app.connect("html-page-context", load_images_late, priority=900)
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
