"""Workflows run no code that can change under them, and hold no more rights than they use."""

import re
from pathlib import Path

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).resolve().parents[1] / ".github" / "workflows").glob("*.yml"))
# Who may write what: notes of failures, the branch of notebooks, the site.
MAY_WRITE = {
    ("full", "publish"): {"pages", "id-token"},
    ("full", "report"): {"issues"},
    ("nightly", "report"): {"issues"},
    ("paper", "notebooks"): {"contents"},
    ("paper", "publish"): {"pages", "id-token"},
    ("paper", "report"): {"issues"},
}


def read(workflow):
    return yaml.safe_load(workflow.read_text(encoding="utf-8"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_and_names_its_version(workflow):
    used = re.findall(r"^ *(?:- )?uses: (.*)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    pinned = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [action for action in used if not pinned.fullmatch(action)] == []


def test_an_action_is_of_one_version_everywhere():
    text = "".join(workflow.read_text(encoding="utf-8") for workflow in WORKFLOWS)
    used = set(re.findall(r"uses: (\S+)@(.*)", text))
    assert len({action for action, _ in used}) == len(used)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_checkout_keeps_the_token(workflow):
    for job in read(workflow)["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_may_write_only_what_it_is_there_for(workflow):
    content = read(workflow)
    for name, job in content["jobs"].items():
        rights = job.get("permissions", content.get("permissions"))
        assert isinstance(rights, dict), "rights that are not named are those of the repository"
        written = {right for right, how in rights.items() if how != "read"}
        assert written == MAY_WRITE.get((workflow.stem, name), set())
