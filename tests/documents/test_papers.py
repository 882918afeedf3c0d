"""The papers say what is true: variables, links, commands, the two READMEs."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from launcher.usage import COMMANDS
from tests.source import parsed

ROOT = Path(__file__).parents[2]
PAPERS = [ROOT / name for name in ("README.md", "README.ru.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
PAPERS += sorted((ROOT / "docs").rglob("*.md"))
INTERNAL = {
    "DJANGO_SETTINGS_MODULE", "GDAL_DATA", "PROJ_DATA", "PATH", "MDD_ADMIN_PHONE", "MDD_ADMIN_PASSWORD", "MDD_TEST_RUN",
    "NODE_OPTIONS", "SSL_CERT_FILE", "SSL_CERT_DIR",
}  # fmt: skip
READERS = {"read", "get", "setdefault"}


def _read_in(source: str) -> set[str]:
    """The names that a module reads from the environment: env.read("X"), os.environ.get("X"), os.environ["X"]."""
    found = set()
    for node in ast.walk(parsed(source)):
        name: ast.AST | None = None
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in READERS
            and node.args
        ):
            name = node.args[0] if ast.unparse(node.func.value) in {"env", "os.environ"} else None
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            name = node.slice
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            found.add(name.value)
    return found


def _variables_read() -> set[str]:
    modules = [
        path for folder in ("apps", "mdd_backend", "launcher", "simulator") for path in (ROOT / folder).rglob("*.py")
    ]
    return set().union(*(_read_in(path.read_text()) for path in modules)) - INTERNAL


def _example() -> set[str]:
    return set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def _table_rows(paper: Path) -> list[str]:
    """What stands between backticks in the first cell of each table row."""
    rows = [line.split("|")[1] for line in paper.read_text().splitlines() if line.startswith("|")]
    return [" ".join(re.findall(r"`([^`]+)`", cell)) for cell in rows]


def test_example_names_every_variable_that_is_read_and_no_other() -> None:
    assert _variables_read() == _example()


def test_readme_explains_every_variable_that_one_would_set() -> None:
    explained = {name for row in _table_rows(ROOT / "README.md") for name in row.split()}
    assert _example() - {"MDD_VENV", "DJANGO_SUPERUSER_PASSWORD", "CHROMIUM"} <= explained


def test_example_can_be_read_as_it_is() -> None:
    for line in (ROOT / ".env.example").read_text().splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[A-Z0-9_]+=\S*", line), line


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(paper: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", paper.read_text()):
        assert target.startswith("http") or (paper.parent / target).exists(), target


def test_both_readmes_say_the_same() -> None:
    english, russian = (ROOT / name for name in ("README.md", "README.ru.md"))

    def commands(paper: Path) -> list[str]:
        blocks = re.findall(r"^```bash\n(.*?)^```", paper.read_text(), re.DOTALL | re.MULTILINE)
        return [line.split("#")[0].rstrip() for block in blocks for line in block.splitlines()]

    same = re.compile(r" (ARGS…|\[.*)")
    rows = [[same.sub("", row) for row in _table_rows(paper)] for paper in (english, russian)]
    assert rows[0] == rows[1]
    assert commands(english) == commands(russian)
    assert english.read_text().count("\n## ") == russian.read_text().count("\n## ")


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_named_is_one(paper: Path) -> None:
    named = set(re.findall(r"\./mdd ([a-z]+)", paper.read_text()))
    assert named <= {*COMMANDS, "help"}


def test_changelog_is_in_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.startswith("# Changelog\n")
    assert "## [Unreleased]" in text
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_workflow_covers_the_versions_we_promise() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    pythons = {*matrix["python"], *(row["python"] for row in matrix["include"])}
    servers = {*matrix["postgresql"], *(row["postgresql"] for row in matrix["include"])}
    assert pythons == {"3.11", "3.12", "3.13", "3.14"}
    assert servers == {"15", "16", "17"}
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert {"./mdd check", "./mdd test"} <= set(steps)
