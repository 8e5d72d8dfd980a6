"""What users install: the wheel holds the whole tree and nothing else, and works alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from emoreal_bench.version import __version__
from tests.small_emorealm import make_data

ROOT = Path(__file__).resolve().parents[3]
SHARED = f"emoreal_bench-{__version__}.data/data/share/doc/emoreal-bench"
MAPPED = ("tasks", "model_adapters", "leaderboards")


def run(*command: str, folder: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    source = tmp_path_factory.mktemp("source") / "tree"
    # A build leaves files beside the sources; a copy keeps the checkout as it is.
    run("git", "-c", "advice.detachedHead=false", "clone", "-q", "--no-hardlinks", ".", str(source))
    for name in tracked_files():
        copy_file(name, source)
    run(
        *(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", str(out), str(source)),
    )
    (path,) = out.glob("*.whl")
    return path


def copy_file(name: str, target: Path) -> None:
    if (target / name).is_symlink():
        return
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    (target / name).write_bytes((ROOT / name).read_bytes())


def tracked_files() -> list[str]:
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return [path for path in files if (ROOT / path).is_file()]


def packaged(path: str) -> str | None:
    """Give the name under which a file of the tree is installed; None if it is not."""
    top, _, rest = path.partition("/")
    if is_page(path):
        return f"{SHARED}/{path}"
    if top in MAPPED:
        return f"emoreal_bench/{path}" if rest else None
    return path if top == "emoreal_bench" else None


def is_page(path: str) -> bool:
    """Return whether a file of the tree is documentation, which is installed as such."""
    folder, _, name = path.rpartition("/")
    kinds = {"": r"(CHANGELOG|CONTRIBUTING|README|SECURITY)\.md", "docs": r".*\.md"}
    kinds |= {"docs/images": r".*\.png", "docs/schemas": r".*\.json"}
    return folder in kinds and re.fullmatch(kinds[folder], name) is not None


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    wanted = {name for path in tracked_files() if (name := packaged(path)) is not None}
    names = zipfile.ZipFile(wheel).namelist()
    held = {name for name in names if ".dist-info/" not in name}
    assert held == wanted
    assert f"{SHARED}/docs/install.md" in held


def test_no_generic_name_lands_in_site_packages(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"emoreal_bench"}


@pytest.mark.timeout(900)
def test_the_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = str(home / "bin" / "python")
    run(python, "-m", "pip", "install", "-q", "--no-deps", str(wheel))
    # The libraries come from here by path, which leaves out this checkout's editable install.
    libraries = sysconfig.get_path("purelib")
    where = "import emoreal_bench; print(emoreal_bench.__file__)"
    # Away from the checkout, whose own folder Python would import first.
    assert str(home) in run(python, "-c", where, folder=tmp_path, PYTHONPATH=libraries)
    command = str(home / "bin" / "emoreal-bench")
    listed = run(command, "list", "tasks", folder=tmp_path, PYTHONPATH=libraries)
    assert "emorealm-synth" in listed


@pytest.mark.long
def test_a_plain_install_brings_all_that_the_core_needs(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    run(str(home / "bin" / "python"), "-m", "pip", "install", "-q", str(wheel))
    command = str(home / "bin" / "emoreal-bench")
    assert "emorealm-synth" in run(command, "list", "tasks", folder=tmp_path)
    # Without a path to other libraries, which would bring their own note of where we came from.
    told = run(command, "doctor", folder=tmp_path)
    assert str(home / "share" / "doc" / "emoreal-bench" / "docs" / "install.md") in told
    tiny = subprocess.run(
        [command, "run"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert tiny.returncode == 2
    assert f"pip install 'emoreal-bench[hf] @ {wheel.as_uri()}'" in tiny.stderr


def test_the_version_is_the_same_wherever_it_is_written(wheel: Path) -> None:
    assert wheel.name.startswith(f"emoreal_bench-{__version__}-")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert newest is not None
    assert newest.group(1) == __version__


@pytest.mark.parametrize("backend", ["build_wheel", "build_editable"])
@pytest.mark.parametrize("link", [None, "../{name}"], ids=["no links", "links as text files"])
def test_a_checkout_without_symbolic_links_installs_and_runs(
    link: str | None, backend: str, tmp_path: Path
) -> None:
    # As git writes them on Windows, where making a link needs a right of its own.
    source, installed = tmp_path / "source", tmp_path / "installed"
    for name in tracked_files():
        copy_file(name, source)
    for name in MAPPED:
        assert not (source / "emoreal_bench" / name).exists()
        if link is not None:
            (source / "emoreal_bench" / name).write_text(link.format(name=name))
    build = f"from setuptools.build_meta import {backend} as build; build('..')"
    run(sys.executable, "-c", build, folder=source)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(installed)
    assert "emorealm-synth" in run_installed(installed, "list", "tasks")
    data, out = str(make_data(tmp_path / "data")), str(tmp_path / "run")
    command = ("run", "--model", "baseline/random", "--task", "emorealm", "--data", data)
    run_installed(installed, *command, "--out", out)
    run_installed(installed, "leaderboard", "build", out, "--out", str(tmp_path / "page"))


def run_installed(folder: Path, *arguments: str) -> str:
    """Run the command from a folder of packages, without what is installed for these tests."""
    # -S leaves out this environment's .pth files, and with them its own editable install.
    paths = f"sys.path.append({sysconfig.get_path('purelib')!r}); site.addsitedir({str(folder)!r})"
    program = f"import site, sys; {paths}; from emoreal_bench.cli import main; main()"
    return run(sys.executable, "-I", "-S", "-c", program, *arguments, folder=folder)
