"""The scripts of interactive pieces, bundled from modules."""

import json

import play_site
import pytest


def modules(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "main.js"


def test_a_module_that_two_others_import_is_in_the_bundle_once(tmp_path):
    main = modules(
        tmp_path,
        shared="export const one = 1;\n",
        left='import { one } from "./shared.js";\nexport function left() { return one; }\n',
        main=(
            'import { left } from "./left.js";\n'
            'import { one as uno } from "./shared.js";\nleft(uno);\n'
        ),
    )
    text = play_site.bundle(main)
    assert text.count("const one = 1;") == 1
    assert text.index("const one = 1;") < text.index("function left()") < text.index("left(uno);")
    assert "{ one: uno }" in text
    assert "import" not in text
    assert "export" not in text


def test_a_worker_comes_as_the_text_of_its_own_bundle(tmp_path):
    main = modules(
        tmp_path,
        worker="onmessage = f;\n",
        main='import words from "./worker.js?text";\nrun(words);\n',
    )
    inner = json.dumps(play_site.bundle(tmp_path / "worker.js"))
    assert f"const words = {inner};" in play_site.bundle(main)


@pytest.mark.parametrize("line", ["export default 3;", 'import "./x.js";', "export { a };"])
def test_a_bundle_refuses_what_it_does_not_know(tmp_path, line):
    with pytest.raises(ValueError, match="the bundle knows no such line as"):
        play_site.bundle(modules(tmp_path, main=line + "\n"))
