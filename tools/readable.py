"""The text of a chapter as plain Markdown, as any notebook shows it: no roles, no directives.

What can be resolved beforehand is: links to other chapters, numbers of figures and equations,
citations, notes and definitions. Only {glue:text} stays, which `sdd.findings.page.say` fills in.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
import yaml
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from pybtex.database import parse_file

GLUE = "{glue:text}"
# A role with its content, or else code, in which nothing is replaced.
ROLE_OR_CODE = re.compile(r"(\{[\w:]+\})?(`+)(.+?)\2(?!`)", re.DOTALL)
MATH = re.compile(r"\$\$(.+?)\$\$(?: *\(([\w-]+)\))?", re.DOTALL)
CODE_CELL_TAGS = ("hide-input", "remove-cell")


@dataclass
class Book:
    """The chapters as notebooks of cells, in their order, and what their names stand for."""

    notebooks: dict[str, nbformat.NotebookNode]
    extensions: set[str]
    titles: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, tuple[str, int]] = field(default_factory=dict)  # name: page, number
    headings: dict[str, str] = field(default_factory=dict)  # target: the heading below it
    cited: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # authors, year, address

    @property
    def chapters(self) -> list[str]:
        """The pages that have a kernel."""
        return [name for name, book in self.notebooks.items() if "kernelspec" in book.metadata]


def read_book(root: Path) -> Book:
    """Read the pages of the book below a folder, and number what has a number there."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(chapter["file"] for chapter in toc.get("chapters", ()))]
    read = {Path(f).name: jupytext.read(root / f"{f}.md", fmt="md:myst") for f in files}
    book = Book(read, set(config.get("parse", {}).get("myst_enable_extensions", ())))
    figures = equations = 0  # the book counts them through all of its pages
    for page, notebook in read.items():
        for cell in notebook.cells:
            if cell.cell_type == "code":
                if name := cell.metadata.get("mystnb", {}).get("figure", {}).get("name"):
                    figures += 1
                    book.numbers[name] = page, figures
                continue
            book.headings |= re.findall(r"^\(([\w-]+)\)=\n#+ (.+)$", cell.source, re.MULTILINE)
            if title := re.search(r"^# (.+)$", cell.source, re.MULTILINE):
                book.titles.setdefault(page, title[1])
            for name in filter(None, (name for _, name in MATH.findall(cell.source))):
                equations += 1
                book.numbers[name] = page, equations
    for file in config.get("bibtex_bibfiles", ()):
        for key, entry in parse_file(str(root / file)).entries.items():
            people = [str(*p.rich_last_names) for p in entry.persons.get("author", ())]
            shown = " and ".join(people[:2]) if len(people) < 3 else f"{people[0]} et al."
            doi = entry.fields.get("doi", "")
            address = entry.fields.get("url", f"https://doi.org/{doi}" if doi else "")
            book.cited[key] = shown, entry.fields.get("year", ""), address
    return book


def plain_blocks(text: str, page: str, book: Book) -> list[tuple[str, str]]:
    """Return the blocks of Markdown of a page, each with its kind, as plain Markdown."""
    config = MdParserConfig(enable_extensions=book.extensions)
    lines, found = text.splitlines(), []
    for token in create_md_parser(config, RendererHTML).parse(text):
        if token.level or token.map is None or token.type.endswith("_close"):
            continue
        source = "\n".join(lines[slice(*token.map)]).strip("\n")
        match token.type, token.info.partition(" ")[0]:
            case "fence" | "colon_fence", "{margin}" | "{admonition}":
                title = token.info.partition(" ")[2]
                inner = plain_blocks(token.content, page, book)
                parts = [f"**{title}**"] * bool(title) + [part for _, part in inner]
                found.append(("quote", _quoted("\n\n".join(parts))))
            case "fence" | "colon_fence", "{nb-exec-table}":  # of all chapters, once they have run
                found.append(("paragraph", "(The table is on the site.)"))
            case "fence" | "colon_fence", "{play}":  # what stands in for the interactive piece
                options = r"^:[\w-]+:.*\n"
                inner = re.sub(options, "", token.content, flags=re.MULTILINE)
                found += plain_blocks(inner, page, book)
            case "fence" | "colon_fence", name if name.startswith("{"):
                raise ValueError(f"{page}: no notebook can show the directive {name}")
            case "fence" | "code_block", _:
                found.append(("code", source))
            case "html_block", _ if re.match("</?details", source):  # a fold over several cells
                pass
            case "myst_target" | "myst_line_comment", _:
                pass
            case "dl_open", _:
                found.append(("list", plain(_bullets(source), page, book)))
            case _:
                found.append((token.type.removesuffix("_open"), plain(source, page, book)))
    return found


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _bullets(definitions: str) -> str:
    """Return a list of definitions as one of bullets: no notebook shows the former."""
    return re.sub(r"^(\S.*)\n: ", r"- **\1**: ", definitions, flags=re.MULTILINE)


def plain(text: str, page: str, book: Book) -> str:
    """Return Markdown of a page with what its roles stand for, and with numbered equations."""

    def link(words: str, to: str) -> str:
        return f"[{words}]({to}.ipynb)" if to != page and to in book.chapters else words

    def citation(keys: Iterable[str], in_text: bool) -> str:
        shown = []
        for key in keys:
            authors, year, address = book.cited[key]
            words = f"{authors} ({year})" if in_text else f"{authors}, {year}"
            shown.append(f"[{words}]({address})" if address else words)
        return ", ".join(shown) if in_text else f"({'; '.join(shown)})"

    def words(found: re.Match) -> str:
        role, _, what = found.groups()
        match role:
            case None | "{glue:text}":
                return found[0]
            case "{doc}":
                title = book.titles[what]
                return link(title, what) if what in book.chapters else f"*{title}*"
            case "{numref}" | "{eq}":
                on, number = book.numbers[what]
                return link(f"Figure {number}" if role == "{numref}" else f"({number})", on)
            case "{setting}":  # of the explorer, which is on the site
                return f"{what.partition(' <')[0]} (on the site)"
            case "{cite:p}" | "{cite:t}":
                return citation(what.split(","), in_text=role == "{cite:t}")
        raise ValueError(f"{page}: no notebook can show the role {role}")

    def equation(found: re.Match) -> str:
        body, name = found.groups()
        if r"\\" in body and r"\begin" not in body:
            body = f"\n\\begin{{aligned}}{body}\\end{{aligned}}\n"
        tag = f"\\tag{{{book.numbers[name][1]}}}\n" if name else ""
        return f"$${body}{tag}$$"

    def local(found: re.Match) -> str:
        what, target = found.groups()
        heading = book.headings.get(target)
        return f"[{what}](#{heading.replace(' ', '-')})" if heading else found[0]

    text = MATH.sub(equation, ROLE_OR_CODE.sub(words, text))
    text = re.sub(r'<a href="\.\./[^"]*">(.+?)</a>', r"`\1` (on the site)", text)
    return re.sub(r"\[([^]]+)\]\(([\w-]+)\)", local, text)
