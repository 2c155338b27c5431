"""Build one page of the book, as strictly as `make book` builds them all, into _build/page.

What the page refers to on others is looked for in their sources (tools/book_site.py): they are not
built. Nothing is trained.

    python tools/page.py bump
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CITED = "book/references"  # every page cites what stands there
MISSING_RUNS = re.compile(r"^(?:[\w.]+\.)?MissingRuns: (.*?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE)
COLORS = re.compile(r"\x1b\[[0-9;]*m")


def pages(root: Path) -> list[str]:
    """Return the pages of the book, in its order, as paths without their ending."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for chapter in toc["chapters"])]


def build(page: str, root: Path) -> tuple[Path, str]:
    """Build a page strictly; return its file, and what was complained of ("" where it passed)."""
    target = root / "_build" / "page"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    toc = {"format": "jb-book", "root": page}
    if page != CITED:
        toc["chapters"] = [{"file": CITED}]
    (target / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    command = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run(
        [command, "build", root, "--toc", target / "_toc.yml", "--path-output", target,
         "-q", "-W", "--keep-going"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        env=os.environ | {"SDD_BUILD": "1"},
    )  # fmt: skip
    complaint = "" if done.returncode == 0 else done.stderr or "the build failed without a word"
    return target / "_build" / "html" / f"{page}.html", COLORS.sub("", complaint)


def main(name: str, root: Path = ROOT) -> int:
    """Build the page of that name; return 0, or 2 where there is none, 1 where the build fails."""
    start = time.monotonic()
    known = {Path(page).name: page for page in pages(root)}
    if name not in known:
        print(f"PAGE must be one of {' '.join(known)}, not {name!r}.", file=sys.stderr)
        return 2
    file, complaint = build(known[name], root)
    if missing := MISSING_RUNS.findall(complaint):
        print(f"{known[name]} cannot be built yet: {missing[-1].strip()}", file=sys.stderr)
        return 1
    if complaint:
        print(complaint, file=sys.stderr)
        return 1
    profile, seconds = os.environ.get("PROFILE") or "paper", time.monotonic() - start
    print(f"The page (profile {profile}) is {file}, made in {seconds:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
