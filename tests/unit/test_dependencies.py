"""What the product imports and what ``pyproject.toml`` declares are the same, both ways."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from emoreal_bench.installation import _CORE as CORE_PACKAGES
from emoreal_bench.model_adapters import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGE = "emoreal_bench"
CORE = (f"{PACKAGE}.cli", f"{PACKAGE}.api", f"{PACKAGE}.__main__", f"{PACKAGE}.media.worker")
"""What starts without any extra."""

NOT_ALWAYS_INSTALLED = {
    "espeakng_loader": "espeakng-loader",
    "inspect_ai": "inspect-ai",
    "keyring": "keyring",
    "mlflow": "mlflow-skinny",
    "pyarrow": "pyarrow",
    "vllm": "vllm",
    "wandb": "wandb",
    "zstandard": "zstandard",
}
USED_BY_OTHERS = {
    "alembic": "mlflow makes the tables of a local store with it",
    "sqlalchemy": "mlflow keeps its runs with it",
    "timm": "transformers needs it for Gemma 3n",
}
BROUGHT_ALONG = {"vllm": {"torch", "transformers", "safetensors", "huggingface-hub"}}
"""By extra: what its library pins to versions of its own."""
OF_MAINTAINERS = {"audit", "dev", "docs", "fuzz"}
OPTIONAL_EVERYWHERE = {"keyring"}
"""Looked for, and done without if it is not there."""


@dataclass(slots=True)
class Imports:
    """The imports of one module.

    Attributes:
        executed: Full names that importing the module imports.
        all: Those inside functions, and for type checkers, as well.
    """

    executed: set[str] = field(default_factory=set)
    all: set[str] = field(default_factory=set)


def product_files() -> Iterator[tuple[str, Path]]:
    """Give each module of the product and its file, from where the build takes them."""
    folders = PROJECT["tool"]["setuptools"]["package-dir"]
    for package in PROJECT["tool"]["setuptools"]["packages"]:
        folder = folders.get(package, package.replace(".", "/"))
        for path in sorted((ROOT / folder).glob("*.py")):
            yield package if path.stem == "__init__" else f"{package}.{path.stem}", path


def imports_of(path: Path) -> Imports:
    tree, found = ast.parse(path.read_text(encoding="utf-8")), Imports()
    for node in ast.walk(tree):
        found.all.update(imported_names(node))
    for node in executed_nodes(tree.body):
        found.executed.update(imported_names(node))
    return found


def executed_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from executed_nodes(node.orelse)
        elif not isinstance(node, ast.Try):  # that one may do without
            yield from ast.walk(node)


def imported_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules() -> dict[str, Imports]:
    return {name: imports_of(path) for name, path in product_files()}


def foreign(names: set[str]) -> set[str]:
    tops = {name.partition(".")[0] for name in names}
    return tops - sys.stdlib_module_names - {PACKAGE}


def reached(*starts: str) -> set[str]:
    """Give the modules that are imported with some, and those below these."""
    known = modules()
    waiting = [name for name in known if any(f"{name}.".startswith(f"{one}.") for one in starts)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in known or name in found:
            continue
        found.add(name)
        waiting += known[name].executed
        waiting.append(name.rpartition(".")[0])
    return found


def canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def declared(*extras: str) -> set[str]:
    """Give the names of the base dependencies and of those of some extras."""
    project = PROJECT["project"]
    names = {canonical(one) for one in project["dependencies"]}
    for extra in extras:
        for requirement in project["optional-dependencies"][extra]:
            inner = re.match(r"emoreal-bench\[(.+)\]", requirement)
            names |= declared(*inner.group(1).split(",")) if inner else {canonical(requirement)}
    return names


@cache
def distributions() -> dict[str, set[str]]:
    """Give the distributions that an import name may come from."""
    installed = packages_distributions()
    names = {top: {canonical(one) for one in found} for top, found in installed.items()}
    return {top: {name} for top, name in NOT_ALWAYS_INSTALLED.items()} | names


def undeclared(tops: set[str], allowed: set[str]) -> set[str]:
    return {top for top in tops if not distributions().get(top, {top}) & allowed}


def product_extras() -> list[str]:
    extras = PROJECT["project"]["optional-dependencies"]
    return [name for name in extras if name not in OF_MAINTAINERS]


def test_every_import_is_declared() -> None:
    tops = foreign(set().union(*(one.all for one in modules().values())))
    assert not undeclared(tops, declared(*product_extras()))


def test_every_declaration_is_imported() -> None:
    tops = foreign(set().union(*(one.all for one in modules().values())))
    imported = set().union(*(distributions().get(top, {top}) for top in tops))
    assert declared(*product_extras()) - imported == set(USED_BY_OTHERS)


def test_the_core_starts_with_the_base_dependencies_alone() -> None:
    core = reached(*CORE)
    assert f"{PACKAGE}.contracts.errors" in core, "nothing was followed"
    tops = foreign(set().union(*(modules()[name].executed for name in core)))
    assert not undeclared(tops, declared())


def test_the_doctor_looks_for_no_package_that_a_plain_install_does_not_bring() -> None:
    assert set(CORE_PACKAGES) <= declared()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_extra_of_a_provider_brings_what_its_files_import(provider: str) -> None:
    one = PROVIDERS[provider]
    extras = () if one.extra is None else (one.extra,)
    files = reached(one.factory.partition(":")[0]) - reached(*CORE)
    tops = foreign(set().union(*(modules()[name].all for name in files)))
    allowed = declared(*extras) | OPTIONAL_EVERYWHERE
    allowed |= BROUGHT_ALONG.get(one.extra or "", set())
    assert not undeclared(tops, allowed)
