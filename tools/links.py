"""List the links of the built site that lead outside, once each, in _build/links.txt.

A scheduled job asks for each (.github/workflows/paper.yml): tests here never leave this machine.

    python tools/links.py
"""

import sys
from pathlib import Path

from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
HERE = ("http://localhost", "http://127.0.0.1")


def outside(site: Path) -> list[str]:
    """Return in order the addresses outside that pages of a site link to, without anchors."""
    found = set()
    for path in site.rglob("*.html"):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        links = (link["href"].partition("#")[0] for link in soup.select("a[href]"))
        found |= {link for link in links if link.startswith(("http://", "https://"))}
    return sorted(link for link in found if not link.startswith(HERE))


def main(root: Path = ROOT) -> int:
    """Write the list; return 0, or 2 where there is no site."""
    site = root / "_build" / "html"
    if not (site / "index.html").is_file():
        print(f"There is no site in {site}: run make book first.", file=sys.stderr)
        return 2
    links = outside(site)
    (root / "_build" / "links.txt").write_text("\n".join(links) + "\n", encoding="utf-8")
    print(f"{len(links)} addresses outside are listed in {root / '_build' / 'links.txt'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
