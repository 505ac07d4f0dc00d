"""No module of the package can turn bytes into code: none unpickles, evaluates or starts a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import pytest

import fraud_detect

PACKAGE = Path(str(files(fraud_detect)))
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
LIBRARIES = frozenset(
    {"cloudpickle", "code", "codeop", "dill", "imp", "joblib", "marshal", "pickle", "runpy", "shelve"}
)
BUILTINS = frozenset({"__import__", "compile", "eval", "exec"})
METHODS = frozenset({"import_module", "read_pickle", "to_pickle", "system", "popen", "exec_module", "load_module"})
OPTIONS = frozenset({"allow_pickle", "shell"})

EXEMPT: Mapping[str, list[str]] = {
    "entrypoints/cli.py": ["import_module"],  # a command's module, from a table of constants
}


def names_of(node: ast.AST) -> Iterator[str]:
    """Give the names in `node`, without what is within it, that could run code that came as data."""
    if isinstance(node, ast.Import):
        yield from LIBRARIES & {alias.name.partition(".")[0] for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
        imported = {alias.name for alias in node.names}
        yield from LIBRARIES & {(node.module or "").partition(".")[0]} | (BUILTINS | METHODS) & imported
    elif isinstance(node, ast.Name):
        yield from BUILTINS & {node.id}
    elif isinstance(node, ast.Attribute):
        of_builtins = isinstance(node.value, ast.Name) and node.value.id in ("builtins", "__builtins__")
        yield from METHODS & {node.attr} | (BUILTINS & {node.attr} if of_builtins else set())
    elif isinstance(node, ast.keyword) and not (isinstance(node.value, ast.Constant) and node.value.value is False):
        yield from OPTIONS & {node.arg}


def found_in(source: str) -> list[str]:
    return [name for node in ast.walk(ast.parse(source)) for name in names_of(node)]


@pytest.mark.parametrize("module", MODULES)
def test_no_module_runs_code_that_came_as_data(module: str) -> None:
    assert found_in((PACKAGE / module).read_text(encoding="utf-8")) == EXEMPT.get(module, [])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import pickle", "pickle"),
        ("import joblib.numpy_pickle as safe", "joblib"),
        ("def later():\n    from marshal import loads", "marshal"),
        ("from importlib import import_module", "import_module"),
        ("eval(text)", "eval"),
        ("run = exec", "exec"),
        ("import builtins\nbuiltins.compile(text, '', 'exec')", "compile"),
        ("pandas.read_pickle(path)", "read_pickle"),
        ("numpy.load(path, allow_pickle=True)", "allow_pickle"),
        ("subprocess.run(text, shell=True)", "shell"),
    ],
)
def test_the_ways_to_run_data_are_found(source: str, name: str) -> None:
    assert found_in(source) == [name]


@pytest.mark.parametrize("source", ["re.compile('a')", "numpy.load(path, allow_pickle=False)", "model.eval()"])
def test_what_runs_nothing_is_let_pass(source: str) -> None:
    assert found_in(source) == []


def test_modules_at_any_depth_are_looked_at() -> None:
    assert {"errors.py", "artifact/bundle.py", "entrypoints/serve.py"} <= set(MODULES)
