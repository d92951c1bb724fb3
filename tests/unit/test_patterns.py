"""gitignore's dialect, held against git, and what we add to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reloader_core.patterns import (
    DEFAULT_EXCLUDES,
    ExcludeRules,
    PathFilter,
    expand_extra_files,
)

if TYPE_CHECKING:
    from pathlib import Path

    from reloader_core.model import Tree

ROOT = "/home/me/project"


def excluding(*patterns: str) -> PathFilter:
    return PathFilter(root=ROOT, exclude=patterns)


def including(*patterns: str) -> PathFilter:
    return PathFilter(root=ROOT, include=patterns)


def test_without_patterns_every_file_and_directory_is_wanted() -> None:
    everything = PathFilter(root=ROOT)
    assert everything.wants_file(f"{ROOT}/a/.git/x.pyc")
    assert everything.wants_directory(f"{ROOT}/node_modules")
    assert everything.wants_file("/elsewhere")


@pytest.mark.parametrize(
    ("patterns", "path", "is_wanted"),
    [
        (("*.log",), "a/b.log", False),
        (("*.log",), "a/b.logs", True),
        (("/*.log",), "a/b.log", True),
        (("/*.log",), "b.log", False),
        (("a/b",), "x/a/b", True),
        (("a/b",), "a/b/c/d", False),
        (("build/",), "build", True),
        (("build/",), "x/build/y", False),
        (("a/**/z",), "a/z", False),
        (("a/**/z",), "a/b/c/z", False),
        (("a/**",), "a/b/c", False),
        (("**/z",), "a/z", False),
        (("*.log", "!keep.log"), "keep.log", True),
        (("!keep.log", "*.log"), "keep.log", False),
        (("logs", "!logs/keep.log"), "logs/keep.log", False),
        (("logs/*", "!logs/keep.log"), "logs/keep.log", True),
        (("*.pyc", "!keep/"), "keep/x.pyc", False),
        (("*", "!*/", "!*.py"), "a/b/c.py", True),
        (("*", "!*/", "!*.py"), "a/b/c.txt", False),
        (("[ab].txt",), "a.txt", False),
        (("[!ab].txt",), "a.txt", True),
        (("\\[a].txt",), "[a].txt", False),
        (("\\!a",), "!a", False),
        (("\\#a",), "#a", False),
        (("#a",), "#a", True),
        (("a b",), "a b", False),
        (("a\\ ",), "a ", False),
        (("a ",), "a", False),
        ((" a",), " a", False),
        (("a\nb",), "x/a\nb", False),
        (("a\n",), "a", True),
        (("a\n",), "a\n", False),
        (("*.py",), "new\nline/a.py", False),
        (("new*line",), "new\nline/a.py", False),
        (("caf\udce9*",), "x/caf\udce9.py", False),
        (("?",), "\udce9", False),
        (("[z-a]",), "z", True),
        (("a\\",), "a", True),
        (("[[]x",), "[x", False),
    ],
)
def test_exclusions_mean_what_they_mean_to_git(
    patterns: tuple[str, ...], path: str, is_wanted: bool
) -> None:
    assert excluding(*patterns).wants_file(f"{ROOT}/{path}") is is_wanted


def test_an_excluded_directory_is_not_entered() -> None:
    chosen = excluding("build/", "a/*", "!a/keep")
    assert not chosen.wants_directory(f"{ROOT}/x/build")
    assert not chosen.wants_directory(f"{ROOT}/build/inner")
    assert not chosen.wants_directory(f"{ROOT}/a/b")
    assert chosen.wants_directory(f"{ROOT}/a/keep")
    assert chosen.wants_directory(f"{ROOT}/a")
    assert chosen.wants_directory(ROOT)


def test_names_are_compared_whole() -> None:
    assert excluding("/a/b").wants_file(f"{ROOT}/a/bc")
    assert PathFilter(root="/a/b", exclude=("/x",)).wants_file("/a/bc/x")


def test_a_path_outside_the_root_is_matched_by_its_absolute_path() -> None:
    chosen = excluding("/opt/lib", "*.ini", "../shared/gen", "~/x")
    assert not chosen.wants_file("/opt/lib/x.py")
    assert not chosen.wants_file("/etc/app.ini")
    assert not chosen.wants_file("/home/me/shared/gen/a.py")
    assert not chosen.wants_file(f"{os.path.expanduser('~')}/x")
    assert chosen.wants_file("/home/me/shared/a.py")


def test_an_absolute_pattern_below_the_root_is_one_from_the_root() -> None:
    chosen = excluding(f"{ROOT}/build", "./out", "!/home/me/project/build/keep")
    assert not chosen.wants_file(f"{ROOT}/build/x")
    assert not chosen.wants_file(f"{ROOT}/out/x")
    assert chosen.wants_file(f"{ROOT}/a/build/x")


def test_an_inclusion_takes_what_matches_and_all_below_it() -> None:
    chosen = including("*.html", "/static/", "!x.html")
    assert chosen.wants_file(f"{ROOT}/a/b.html")
    assert chosen.wants_file(f"{ROOT}/static/a/b.css")
    assert not chosen.wants_file(f"{ROOT}/static")
    assert not chosen.wants_file(f"{ROOT}/a/b.css")
    assert not chosen.wants_file(f"{ROOT}/a/x.html")


def test_a_directory_in_which_nothing_can_match_is_not_entered() -> None:
    chosen = including("/a/*/c.txt", "/x/**/y/*.css", "/z/")
    for directory in ("a", "a/b", "x", "x/1/2/3", "z", "z/1/2"):
        assert chosen.wants_directory(f"{ROOT}/{directory}"), directory
    for directory in ("b", "a/b/c", "y"):
        assert not chosen.wants_directory(f"{ROOT}/{directory}"), directory
    assert including("*.css").wants_directory(f"{ROOT}/b/c")


def test_the_start_of_a_tree_is_wanted_though_its_name_is_excluded() -> None:
    start = f"{ROOT}/node_modules/lib"
    chosen = PathFilter(root=ROOT, start=start, exclude=DEFAULT_EXCLUDES)
    assert chosen.wants_directory(start)
    assert chosen.wants_file(f"{start}/a.js")
    assert not chosen.wants_directory(f"{start}/node_modules")


def test_the_defaults_leave_out_what_tools_write_and_can_be_brought_back() -> None:
    chosen = excluding(*DEFAULT_EXCLUDES)
    for name in (
        ".git/HEAD",
        "a/__pycache__/b.py",
        "x.pyc",
        "a.log",
        "db-wal",
        ".a.swp",
        "a~",
        "4913",
        ".#a",
        "#a#",
    ):
        assert not chosen.wants_file(f"{ROOT}/{name}"), name
    again = excluding(*DEFAULT_EXCLUDES, "!node_modules")
    assert again.wants_file(f"{ROOT}/node_modules/a.js")


def test_what_a_program_loaded_obeys_the_users_exclusions_only() -> None:
    rules = ExcludeRules(root=ROOT, patterns=("gen_*.py",))
    assert rules.is_excluded(f"{ROOT}/a/gen_x.py")
    assert not rules.is_excluded(f"{ROOT}/.venv/lib/x.py")
    assert not ExcludeRules(root=ROOT, patterns=()).is_excluded(f"{ROOT}/x")


def test_filters_with_the_same_patterns_are_the_same() -> None:
    one, other = excluding("a"), excluding("a")
    assert one.wants_file(f"{ROOT}/b")
    assert (one, hash(one)) == (other, hash(other))
    assert one != excluding("b")


def test_no_pattern_no_pathspec() -> None:
    code = (
        "import sys; from reloader_core.patterns import ExcludeRules, expand_extra_files\n"
        "ExcludeRules(root='/', patterns=()).is_excluded('/a')\n"
        "expand_extra_files(['a.txt'], root='/x', exclude=())\n"
        "assert 'pathspec' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("etc/x", "templates/a.html", "conf/dev.yml", "sub/deep/y", "[slug].html"):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "shared").mkdir()
    return tmp_path / "project"


def expand(
    root: Path, *entries: str, exclude: tuple[str, ...] = ()
) -> tuple[set[str], dict[str, Tree]]:
    files, trees = expand_extra_files(iter(entries), root=str(root), exclude=exclude)
    return set(files), {tree.root: tree for tree in trees}


def test_an_entry_without_glob_characters_is_one_file_that_may_not_exist(root: Path) -> None:
    names = ("settings.json", "conf/dev.yml", "/sub/none", "./here", "../shared/x", "new\\[1].txt")
    files, trees = expand(root, *names, "/none/such", str(root / "abs.yml"), "  ")
    expected = (
        "settings.json",
        "conf/dev.yml",
        "sub/none",
        "here",
        "new[1].txt",
        "none/such",
        "abs.yml",
    )
    assert files == {*(str(root / name) for name in expected), str(root.parent / "shared/x")}
    assert not trees


def test_an_entry_that_exists_is_that_path_whatever_characters_it_has(root: Path) -> None:
    assert expand(root, "[slug].html") == ({str(root / "[slug].html")}, {})


def test_a_home_directory_and_absolute_paths_are_understood(root: Path) -> None:
    home = os.path.expanduser("~")
    files, trees = expand(root, "~/x.toml", "/usr/no_such.yml", "/usr/*.ini")
    assert files == {f"{home}/x.toml", "/usr/no_such.yml"}
    assert trees["/usr"].filter.include == ("/*.ini",)


def test_a_leading_slash_is_the_root_when_the_first_name_is_there(root: Path) -> None:
    _, trees = expand(root, "/etc/*.ini", "/*.cfg", "/nowhere_at_all/*.x")
    assert set(trees) == {str(root / "etc"), str(root), str(root / "nowhere_at_all")}


def test_a_directory_is_a_tree_of_all_that_is_in_it(root: Path) -> None:
    files, trees = expand(root, "templates", "later/", ".", "../shared")
    assert not files
    expected = [root / "templates", root / "later", root, root.parent / "shared"]
    assert set(trees) == set(map(str, expected))
    chosen = trees[str(root / "templates")].filter
    assert chosen.wants_file(f"{root}/templates/x/y.bin")
    assert not chosen.wants_directory(f"{root}/templates/.git")


def test_a_glob_is_a_tree_at_its_last_plain_directory(root: Path) -> None:
    _, trees = expand(root, "sub/deep/*.css", "*.html", "conf/**/x/*.yml", "s*/z")
    assert set(trees) == {str(root / "sub/deep"), str(root), str(root / "conf")}
    deep = trees[str(root / "sub/deep")].filter
    assert deep.wants_file(f"{root}/sub/deep/a.css")
    assert not deep.wants_file(f"{root}/sub/deep/a/b.css")
    assert not deep.wants_directory(f"{root}/sub/deep/a")
    top = trees[str(root)].filter
    assert top.include == ("*.html", "/s*/z")
    assert top.wants_file(f"{root}/a/b/c.html")
    assert top.wants_file(f"{root}/sub/z")
    assert not top.wants_file(f"{root}/a/sub/z")


def test_a_glob_above_the_root_finds_files_inside_it(root: Path) -> None:
    _, trees = expand(root, "../**/*.toml", exclude=("/build",))
    chosen = trees[str(root.parent)].filter
    assert chosen.wants_file(f"{root}/a.toml")
    assert chosen.wants_file(f"{root.parent}/shared/a.toml")
    assert not chosen.wants_file(f"{root}/build/a.toml")


def test_globs_that_share_a_directory_share_a_tree(root: Path) -> None:
    _, trees = expand(root, "conf/*.yml", "/conf/*.yaml", "./conf/*.yml")
    assert trees[str(root / "conf")].filter.include == ("/*.yaml", "/*.yml")
    _, trees = expand(root, "conf/*.yml", "conf")
    assert trees[str(root / "conf")].filter.include == ()


def test_exclusions_win_over_entries_wherever_they_stand(root: Path) -> None:
    files, trees = expand(
        root, "!*.bak", "a.bak", "a.txt", "conf/", "!b.txt", "templates", exclude=("templates",)
    )
    assert files == {str(root / "a.txt")}
    assert set(trees) == {str(root / "conf")}
    assert not trees[str(root / "conf")].filter.wants_file(f"{root}/conf/b.txt")
    assert expand(root, "b.txt", "!b.txt") == (set(), {})


def test_an_entry_in_a_directory_that_trees_leave_out_is_watched(root: Path) -> None:
    files, trees = expand(root, ".venv/x.cfg", "node_modules/lib/*.js")
    assert files == {str(root / ".venv/x.cfg")}
    chosen = trees[str(root / "node_modules/lib")].filter
    assert chosen.wants_file(f"{root}/node_modules/lib/a.js")


NAMES = ["a", "b", "ab", "a.py", "keep", "a b", "[a]"]
SEGMENTS = [*NAMES[:5], "*", "**", "a*", "?", "*.py", "[ab]", "\\[a]", "*a*"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)


@st.composite
def gitignores(draw: st.DrawFn) -> list[str]:
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        body = "/".join(draw(st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3)))
        sign = draw(st.sampled_from(["", "", "!"]))
        lead, end = draw(st.sampled_from(["", "/"])), draw(st.sampled_from(["", "/"]))
        lines.append(f"{sign}{lead}{body}{end}")
    return lines


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    directory = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", str(directory)], check=True)
    return directory


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(patterns=gitignores(), paths=st.lists(PATHS, min_size=1, max_size=12, unique=True))
def test_git_excludes_the_same_files(
    repository: Path, patterns: list[str], paths: list[str]
) -> None:
    shutil.rmtree(repository / "tree", ignore_errors=True)
    tree = repository / "tree"
    for path in paths:
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).touch()
    (tree / ".gitignore").write_text("".join(f"{line}\n" for line in patterns))
    there = [path for path in tree.rglob("*") if path.name != ".gitignore"]
    done = subprocess.run(
        ["git", "-C", str(repository), "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(map(str, there)).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    ignored = set(done.stdout.decode().split("\0")) - {""}
    chosen = PathFilter(root=str(tree), exclude=tuple(patterns))
    for found in there:
        wants = chosen.wants_directory if found.is_dir() else chosen.wants_file
        assert wants(str(found)) is (str(found) not in ignored), found
