"""The docs say what the code does: commands, options, presets, links, the page of the config, the example part."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from seglens.acquisition.presets import preset_names
from seglens.cli import app
from seglens.cli.bench import FileFirst
from seglens.config import PartConfig, RunConfig

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"```(?:sh|console)\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(text: str) -> list[list[str]]:
    """The words of every ``seglens`` command line in a page's code."""
    code = [line for block in CODE.findall(text) for part in block for line in part.splitlines()]
    return [shlex.split(line, comments=True) for line in code if re.match(r"seglens( |$)", line)]


def problem(words: list[str]) -> str | None:
    """What is wrong with a command line: an unknown command or option."""
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while isinstance(command, TyperGroup) and rest:
        name = rest.pop(0)
        if isinstance(command, FileFirst) and name not in command.commands:
            name, rest = "run", [name, *rest]
        if name not in command.commands:
            return f"no command '{name}' in: {shlex.join(words)}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    return f"no option {unknown[0]} in: {shlex.join(words)}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_command_and_option_exists(page: Path) -> None:
    found = [problem(words) for words in commands(page.read_text(encoding="utf-8"))]
    assert not [p for p in found if p]


def test_a_wrong_command_would_be_found() -> None:
    assert problem(["seglens", "rum"])
    assert problem(["seglens", "run", "x", "--resumee"])
    assert problem(["seglens", "data", "chek"])
    assert problem(["seglens", "run", "x", "--resume"]) is None


def test_every_command_is_in_the_docs() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    told = {words[1] for page in PAGES for words in commands(page.read_text(encoding="utf-8")) if len(words) > 1}
    assert set(group.commands) <= told


def test_every_preset_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "research.md").read_text(encoding="utf-8")
    assert [name for name in preset_names() if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [t for t in targets if not t.startswith("http")]
    assert [t for t in local if not (page.parent / t).exists()] == []


def test_make_targets_in_the_docs_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    told = {t for page in PAGES for t in re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", page.read_text("utf-8"), re.M)}
    assert {name for pair in told for name in pair if name} <= targets


def test_the_config_page_is_up_to_date() -> None:
    """``make docs`` rewrites it."""
    reference = script(ROOT / "tools" / "config_reference.py")
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


def test_the_config_page_holds_every_field_and_part() -> None:
    """Looked up apart from the tool that writes it."""
    text = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    models = [
        RunConfig,
        *(f.annotation for f in RunConfig.model_fields.values() if hasattr(f.annotation, "model_fields")),
    ]
    for model in models:
        missing = [n for n in model.model_fields if f"`{n}`" not in text and model is not PartConfig]
        assert not missing
    for source in (ROOT / "src" / "seglens").rglob("*.py"):
        for name in re.findall(r"^@\w+\.register\(\"([a-z-]+)\"\)", source.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"### `{name}`" in text


def test_the_example_part_works() -> None:
    """CONTRIBUTING's score, as it stands there, gives what it says."""
    import torch

    from seglens.types import Rows

    code = re.search(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict = {"__name__": "example"}
    exec(code.group(1), names)
    score = names["DoubtScore"](names["Doubt"](power=2), None)

    class OneImage:
        probs = torch.tensor([[[[0.5]], [[0.3]], [[0.2]]]])

    value = score.pixels(OneImage()).value
    assert value.tolist() == [[[0.25]]]
    rows = Rows.concat([])
    rows.arrays["value"] = value.numpy().ravel()
    assert score.finish(rows).tolist() == [0.25]
