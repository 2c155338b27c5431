"""The chapters in real JupyterLab: as notebooks, and their sources as an author opens them."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
RUN_AT_MOST_S = 120  # a chapter without runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of notebooks and one of sources, as `make lab` and an author have them."""
    found = tmp_path_factory.mktemp("lab")
    command = [sys.executable, ROOT / "tools" / "notebooks.py", "--into", found / "notebooks"]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copytree(ROOT / "book", found / "book", ignore=shutil.ignore_patterns("api"))
    return found


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[str]:
    """The address of JupyterLab, with the settings that `make lab` and `make install` give it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "settings"
    shutil.copytree(ROOT / "tools" / "jupyterlab", settings)
    configure = [Path(sys.executable).with_name("jupytext-config"), "--settings-file"]
    configure += [settings / "overrides.json", "set-default-viewer", "markdown"]
    subprocess.run(configure, check=True)
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
            "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=",
            f"--ServerApp.root_dir={folder}", f"--LabApp.app_settings_dir={settings}",
        ],
        env=os.environ | {"PROFILE": "quick"}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/api/status", timeout=5)
            break
        except OSError:
            time.sleep(0.25)
    yield address
    server.terminate()
    server.wait(30)


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1300, "height": 1600})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def opened(desk: Page) -> None:
    """Wait for a notebook whose kernel is ready; nothing may be asked."""
    desk.locator(".jp-Notebook .jp-Cell").first.wait_for()
    desk.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
    desk.wait_for_timeout(2_000)
    assert desk.locator(".jp-Dialog").all_inner_texts() == []


def run_and_save(desk: Page, seconds: float = RUN_AT_MOST_S) -> None:
    desk.get_by_role("menuitem", name="Run", exact=True).first.click()
    desk.get_by_role("menuitem", name="Run All Cells").first.click()
    desk.wait_for_timeout(3_000)
    desk.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(
        timeout=1_000 * seconds
    )
    save(desk)


def save(desk: Page) -> None:
    desk.locator('[data-command="docmanager:save"]').first.click()
    desk.wait_for_timeout(2_000)
    assert desk.locator(".jp-Dialog").all_inner_texts() == []


def test_a_notebook_can_be_read_before_it_is_run_and_has_its_numbers_afterwards(
    lab: str, folder: Path, desk: Page
) -> None:
    desk.goto(f"{lab}/lab/tree/notebooks/elsewhere.ipynb?reset")
    opened(desk)
    sentence = desk.locator(".jp-RenderedMarkdown", has_text="and finite training sets of up to")
    assert "…" in sentence.first.inner_text()
    run_and_save(desk)
    desk.locator(".jp-WindowedPanel-outer").first.evaluate("e => { e.scrollTop = 0 }")
    assert "1,000" in sentence.first.inner_text()
    saved = json.loads((folder / "notebooks" / "elsewhere.ipynb").read_text(encoding="utf-8"))
    for cell in saved["cells"]:
        if cell["cell_type"] == "code":
            assert cell["execution_count"] is not None
            assert "error" not in [output["output_type"] for output in cell["outputs"]]
            said = "".join(
                "".join(o.get("data", {}).get("text/markdown", "")) for o in cell["outputs"]
            )
            assert not re.search(r"…|\{[\w:]+\}`", said)


def test_a_source_that_is_opened_run_and_saved_differs_in_what_was_changed_alone(
    lab: str, folder: Path, desk: Page
) -> None:
    source = folder / "book" / "elsewhere.md"
    before = source.read_text(encoding="utf-8")
    desk.goto(f"{lab}/lab/tree/book?reset")
    desk.locator(".jp-DirListing-item", has_text="elsewhere.md").dblclick()
    opened(desk)
    run_and_save(desk)
    assert source.read_text(encoding="utf-8") == before
    desk.locator(".jp-CodeCell .cm-content").first.click()
    desk.keyboard.press("Control+End")
    desk.keyboard.type("\n# mine")
    save(desk)
    after = source.read_text(encoding="utf-8").splitlines()
    after.remove("# mine")
    assert after == before.splitlines()
