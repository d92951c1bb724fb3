"""The configuration: its sources, their order, and all the faults they can have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs
import pytest

from reloader_core.config.backend_names import unknown_reloader_type, validate_backend_tables
from reloader_core.config.backend_options import build_options
from reloader_core.config.load import load_configuration
from reloader_core.config.schema import Configuration
from reloader_core.config.settings import SETTINGS
from reloader_core.errors import ConfigurationError
from reloader_core.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def load(
    directory: Path,
    toml: str | None = None,
    *,
    env: Mapping[str, str] | None = None,
    below: str = "",
    **arguments: object,
) -> Configuration:
    if toml is not None:
        (directory / "pyproject.toml").write_text(toml)
    return load_configuration(
        start_directory=str(directory / below), environ=env or {}, arguments=arguments
    )


def faults(
    directory: Path,
    toml: str | None = None,
    *,
    env: Mapping[str, str] | None = None,
    extra_files: tuple[str, ...] = (),
) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(directory, toml, env=env, extra_files=extra_files)
    assert all("\n" not in fault for fault in caught.value.faults)
    return caught.value.faults


def table(text: str) -> str:
    return f"[tool.reloader]\n{text}\n"


def test_every_setting_has_a_field_with_a_default_and_the_other_way_round() -> None:
    fields = set(Configuration._fields)
    others = {"project_root", "configuration_files", "backend_tables", "origins"}
    assert set(SETTINGS) == fields - others
    for key, setting in SETTINGS.items():
        assert setting.help.endswith("."), key
        assert not setting.expected.endswith("."), key


def test_without_any_source_there_are_defaults(tmp_path: Path) -> None:
    configuration = load(tmp_path, "")
    assert configuration.differences(Configuration(project_root=str(tmp_path))) == []
    assert not configuration.origins


def test_each_source_overrides_the_one_before_and_is_named(tmp_path: Path) -> None:
    toml = table("interval = 2\ngrace_seconds = 3\nreloader_type = 'stat'")
    configuration = load(
        tmp_path,
        toml,
        env={"RELOADER_INTERVAL": "4", "RELOADER_GRACE_SECONDS": "0"},
        interval="0.5",
    )
    assert (configuration.interval, configuration.grace_seconds) == (0.5, 0.0)
    assert configuration.reloader_type == "stat"
    assert configuration.origins == {
        "interval": "--interval",
        "grace_seconds": "RELOADER_GRACE_SECONDS",
        "reloader_type": str(tmp_path / "pyproject.toml"),
    }


def test_a_whole_number_of_seconds_becomes_a_float(tmp_path: Path) -> None:
    assert isinstance(load(tmp_path, table("interval = 2")).interval, float)


@pytest.mark.parametrize("word", ["1", "true", "Yes", " ON "])
def test_a_flag_has_several_words_for_yes(tmp_path: Path, word: str) -> None:
    env = {"RELOADER_TRACK_OPENED_FILES": word}
    assert load(tmp_path, "", env=env).track_opened_files is True
    assert load(tmp_path, "", track_opened_files=word).track_opened_files is True


@pytest.mark.parametrize("word", ["0", "False", "no", "off"])
def test_a_flag_has_several_words_for_no(tmp_path: Path, word: str) -> None:
    toml = table("track_opened_files = true")
    assert load(tmp_path, toml).track_opened_files is True
    env = {"RELOADER_TRACK_OPENED_FILES": word}
    assert load(tmp_path, env=env).track_opened_files is False
    assert load(tmp_path, track_opened_files=word).track_opened_files is False


def test_a_flag_is_neither_a_number_nor_any_other_word(tmp_path: Path) -> None:
    env = {"RELOADER_TRACK_OPENED_FILES": "maybe"}
    in_file, in_variable = faults(tmp_path, table("track_opened_files = 1"), env=env)
    assert in_file.startswith(f"{tmp_path / 'pyproject.toml'}: [tool.reloader] track_opened_files ")
    assert in_file.endswith(" is 1, neither true nor false; give true or false")
    assert in_variable == (
        "RELOADER_TRACK_OPENED_FILES is 'maybe', neither true nor false; give true or false"
    )


def test_lists_replace_but_the_command_line_adds(tmp_path: Path) -> None:
    toml = table("extra_files = ['a', 'b']\nplugins = ['one']")
    env = {"RELOADER_EXTRA_FILES": "c, d,"}
    configuration = load(tmp_path, toml, env=env, extra_files=("e", "c"), plugins=("two:x.y",))
    assert configuration.extra_files == ("c", "d", "e")
    assert configuration.plugins == ("one", "two:x.y")
    assert configuration.origins["extra_files"] == "RELOADER_EXTRA_FILES, --extra-file"


def test_an_empty_variable_empties_a_list(tmp_path: Path) -> None:
    toml = table("extra_files = ['a']")
    assert load(tmp_path, toml, env={"RELOADER_EXTRA_FILES": ""}).extra_files == ()


def test_what_is_not_given_on_the_command_line_changes_nothing(tmp_path: Path) -> None:
    toml = table("extra_files = ['a']\ninterval = 3")
    configuration = load(tmp_path, toml, extra_files=(), interval=None, plugins=[])
    assert (configuration.extra_files, configuration.interval) == (("a",), 3.0)


def test_a_command_is_a_list_or_is_split_like_a_shell_would(tmp_path: Path) -> None:
    assert load(tmp_path, table("command = ['a b', 'c']")).command == ("a b", "c")
    assert load(tmp_path, table("command = \"'a b' c\"")).command == ("a b", "c")
    assert load(tmp_path, "", env={"RELOADER_COMMAND": "-m x"}).command == ("-m", "x")


def test_the_nearest_file_counts_even_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(table("interval = 9"))
    inner = tmp_path / "inner"
    (inner / "deep").mkdir(parents=True)
    configuration = load(tmp_path, below="inner/deep")
    assert (configuration.interval, configuration.project_root) == (9.0, str(tmp_path))
    configuration = load(inner, "[project]\nname = 'x'\n", below="deep")
    assert (configuration.interval, configuration.project_root) == (1.0, str(inner))


def test_a_directory_of_the_files_name_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(table("interval = 9"))
    (tmp_path / "inner" / "pyproject.toml").mkdir(parents=True)
    assert load(tmp_path, below="inner").interval == 9.0


def test_arguments_are_spelled_from_where_the_user_is(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(table("extra_files = ['top.txt']"))
    (tmp_path / "in[1]").mkdir()
    configuration = load(
        tmp_path,
        below="in[1]",
        extra_files=("a.txt", "*.html", "t/*.css", "../x/", "..", "!b", "/root", "~/h"),
        exclude_patterns=("*.log", "build", "./out", "!a/b/"),
    )
    here = "/in\\[1]"
    assert configuration.extra_files == (
        "top.txt",
        f"{here}/a.txt",
        "*.html",
        f"{here}/t/*.css",
        "/x/",
        "/",
        "!b",
        "/root",
        "~/h",
    )
    assert configuration.exclude_patterns == ("*.log", "build", f"{here}/out", f"!{here}/a/b/")


def test_all_faults_of_all_sources_are_reported_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        table("intervall = 1\ngrace_seconds = true\nrestart = 'fork'\nbind = ['here']"),
        env={"RELOADER_INTERVAL": "soon", "RELOADER_PLUGIN": "x", "RELOADER_ZZZ": "1"},
        extra_files=("#x",),
    )
    path = tmp_path / "pyproject.toml"
    known = ", ".join(setting.variable for setting in SETTINGS.values())
    table_of_ours = f"{path}: [tool.reloader]"
    assert "\n".join(found) == (
        f"{table_of_ours} intervall is not a setting; did you mean 'interval'?\n"
        f"{table_of_ours} grace_seconds is true, not a number; "
        "give seconds, 0 or more, such as 5.0\n"
        f"{table_of_ours} restart is 'fork'; choose from 'spawn'\n"
        f"{table_of_ours} bind has 'here', without a port; "
        "give a list of addresses, such as ['127.0.0.1:8000', 'unix:app.sock']\n"
        "RELOADER_INTERVAL is 'soon', not a number; give seconds above 0, such as 1.0\n"
        "RELOADER_PLUGIN is not a variable of ours; did you mean 'RELOADER_PLUGINS'?\n"
        f"RELOADER_ZZZ is not a variable of ours; remove it, or choose from {known}\n"
        "--extra-file has '#x', a comment to git; write '\\\\#' for a name that begins with '#'; "
        "give a list of paths and globs, such as ['settings.toml', 'templates/']"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("interval = 0", "is 0, not above 0"),
        ("interval = -1.5", "is -1.5, not above 0"),
        ("interval = inf", "is inf, not finite"),
        ("interval = nan", "is nan, not finite"),
        ("interval = '1'", "is '1', not a number"),
        ("interval = true", "is true, not a number"),
        (f"interval = 1{'0' * 400}", "is inf, not finite"),
        ("[tool.reloader.interval]", "is a table, not a number"),
        ("env_files = [' ']", "has ' ', which names no file"),
        ("stop_signal = 'TERM'", "is 'TERM', which is no signal here"),
        ("stop_signal = 'SIGSTOP'", "is 'SIGSTOP', which ends nothing"),
        ("pass_signals = ['SIGTERM']", "has 'SIGTERM', which means something else to us"),
        ("pass_signals = ['SIGNONE']", "has 'SIGNONE', which is no signal here"),
        ("restart_signal = 'SIGINT'", "is 'SIGINT', which means something else to us"),
        ("restart_signal = 'usr1'", "is 'usr1', which is no signal here"),
        ("grace_seconds = -1", "is -1, below 0"),
        ("track_opened_files = 'yes'", "is 'yes', neither true nor false; give true or false"),
        ("track_opened_files = []", "is a list, neither true nor false"),
        ("reloader_type = ''", "is empty"),
        ("reloader_type = 1", "is 1, not a string"),
        ("extra_files = 'x'", "is 'x', not a list of strings"),
        ("extra_files = ['a', 1, true]", "has 1 as its item 2, not a string, has true as its item"),
        ("extra_files = [' ']", "has ' ', which matches nothing"),
        ("exclude_patterns = ['!']", "has '!', which matches nothing"),
        ("exclude_patterns = ['/']", "has '/', which matches nothing"),
        ("exclude_patterns = ['a\\']", "which ends with a lone backslash"),
        ("exclude_patterns = ['[a', '[]', 'x/[!]y/]']", "has '[a', with a '[' that is not closed"),
        ("exclude_patterns = ['[[:alpha:]]']", "write [a-zA-Z]"),
        ("plugins = ['my plugin']", "has 'my plugin', no name"),
        ("plugins = ['']", "has '', no name"),
        ('command = "a \'b"', "which no shell can split"),
        ("command = 1", "is 1, not a list"),
        ("unknown = 1", "is not a setting; remove it, or choose from reloader_type, interval"),
        ("extra-files = []", "did you mean 'extra_files'?"),
        ("bind = ['a:b']", "whose port is not a number from 0 to 65535"),
        ("bind = ['a:65536']", "whose port is not a number from 0 to 65535"),
        ("bind = ['a:-1']", "whose port is not a number from 0 to 65535"),
        ("bind = [':80']", "whose host is not a name or an address"),
        ("bind = ['unix:']", "without a path"),
        (r'bind = ["unix:a\u0000b"]', "with a null character"),
        ("bind = ['::1:80']", "an IPv6 address stands in brackets, '[::1]:80'"),
        ("bind = ['http://a:80']", "whose host is not a name or an address"),
    ],
)
def test_a_wrong_value_is_told_with_its_file_and_key(tmp_path: Path, text: str, fault: str) -> None:
    (found,) = faults(tmp_path, text if text.startswith("[") else table(text))
    assert found.startswith(f"{tmp_path / 'pyproject.toml'}: [tool.reloader] ")
    assert fault in found


def test_brackets_that_are_closed_are_in_order(tmp_path: Path) -> None:
    patterns = ("[]]", "[!]]a", "[^a]", "\\[", "a[[]b", "[a]/[b-]")
    assert load(tmp_path, "", exclude_patterns=patterns).exclude_patterns == patterns


def test_addresses_have_three_forms(tmp_path: Path) -> None:
    addresses = ("localhost:0", "127.0.0.1:65535", "[::1]:80", "unix:/run/a b.sock")
    assert load(tmp_path, "", env={"RELOADER_BIND": ",".join(addresses)}).bind == addresses


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[tool.reloader]\ninterval = = 2\n", "line 2, column 12: "),
        ("[tool.reloader]\ninterval =", "line 2, column 11"),
        ("[tool.reloader", "line 1, column 15"),
        ("[tool.reloader]\ninterval = 1\ninterval = 2\n", "line 3, column 13"),
    ],
)
def test_broken_toml_is_located(tmp_path: Path, text: str, place: str) -> None:
    (found,) = faults(tmp_path, text)
    assert found.startswith(f"{tmp_path / 'pyproject.toml'}: {place}")
    assert found.endswith("; correct the TOML")


def test_broken_toml_hides_no_fault_of_other_sources(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "[tool.reloader", env={"RELOADER_INTERVAL": "0"})) == 2


def test_toml_that_does_not_speak_of_us_is_none_of_our_business(tmp_path: Path) -> None:
    assert load(tmp_path, "dev = ['reloader-core']\nbroken = = \n").interval == 1.0


def test_a_file_that_is_not_utf_8_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.reloader]\n# \xe9\n")
    (found,) = faults(tmp_path)
    assert "line 2 is not UTF-8; save the file as UTF-8" in found


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.symlink_to(path)
    (found,) = faults(tmp_path)
    assert found.startswith(f"{path} cannot be read: ")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_without_permission_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("")
    path.chmod(0)
    (found,) = faults(tmp_path)
    assert found.startswith(f"{path} cannot be read: ")


@pytest.mark.parametrize("text", ["tool = 'reloader'", "[tool]\nreloader = 1", "[[tool.reloader]]"])
def test_what_should_be_a_table_must_be_one(tmp_path: Path, text: str) -> None:
    (found,) = faults(tmp_path, text)
    assert "is not a table; write '[tool.reloader]'" in found


def test_tables_of_backends_are_kept_until_the_backends_are_known(tmp_path: Path) -> None:
    toml = "[tool.reloader.nfs]\nx = 1\n[tool.reloader.staat]\n"
    configuration = load(tmp_path, toml)
    assert configuration.backend_tables == {"nfs": {"x": 1}, "staat": {}}
    (fault,) = validate_backend_tables(configuration, ["stat", "nfs"])
    assert fault == (
        f"{tmp_path / 'pyproject.toml'}: [tool.reloader.staat] is for a backend that is not "
        "installed; installed: nfs, stat; did you mean 'stat'?"
    )


def test_an_unknown_backend_lists_the_installed_ones() -> None:
    error = unknown_reloader_type("inotfy", {"stat", "inotify"}, origin="--reloader-type")
    assert str(error) == (
        "--reloader-type: no backend 'inotfy' is installed; installed: inotify, stat; "
        "did you mean 'inotify'?"
    )
    assert error.exit_code == 2


def test_arguments_can_be_called_by_other_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^run\(interval=\) is 0, not above 0"):
        load_configuration(
            start_directory=str(tmp_path),
            environ={},
            arguments={"interval": 0},
            name_argument=lambda setting: f"run({setting.key}=)",
        )


@attrs.frozen(kw_only=True)
class Options:
    depth: int = attrs.field(default=1, validator=attrs.validators.ge(0))
    pause: float = 1.0
    loud: bool = False
    name: str | None = None
    names: list[str] = attrs.Factory(list)
    pair: tuple[str, ...] = ()
    level: int = attrs.field(default=0, converter=int)


def test_a_backends_options_are_made_from_its_table() -> None:
    values = {
        "depth": 2,
        "pause": 3,
        "loud": True,
        "name": "x",
        "names": ["a"],
        "pair": ["b"],
        "level": "7",
    }
    assert build_options(Options, values, source="here") == Options(
        depth=2, pause=3.0, loud=True, name="x", names=["a"], pair=("b",), level=7
    )
    assert build_options(Options, {}, source="here") == Options()
    assert build_options(None, {}, source="here") is None


def test_all_faults_of_a_backends_table_are_reported_at_once() -> None:
    values: dict[str, object] = {
        "deth": 1,
        "depth": -1,
        "pause": True,
        "loud": 1,
        "name": 2,
        "names": ["a", 3],
        "pair": "b",
        "level": "high",
    }
    with pytest.raises(ConfigurationError) as caught:
        build_options(Options, values, source="pyproject.toml: [tool.reloader.x]")
    found = caught.value.faults
    assert len(found) == len(values)
    assert all(fault.startswith("pyproject.toml: [tool.reloader.x] ") for fault in found)
    assert "deth is not an option; did you mean 'depth'?" in found[0]
    text = "\n".join(found)
    assert "depth is refused: 'depth' must be >= 0: -1" in text
    assert "level is refused: invalid literal for int()" in text
    assert "pause is True; give a number" in text


def test_a_required_option_must_be_there() -> None:
    @attrs.frozen
    class Required:
        server: str
        other: int = attrs.field(default=0, validator=attrs.validators.ge(0))

    with pytest.raises(ConfigurationError, match="server is missing; set it"):
        build_options(Required, {}, source="here")
    with pytest.raises(ConfigurationError, match="other is refused"):
        build_options(Required, {"server": "x", "other": -1}, source="here")
    assert build_options(Required, {"server": "x"}, source="here") == Required("x")


def test_options_that_do_not_go_together_are_a_fault_of_the_table() -> None:
    @attrs.frozen
    class Pair:
        low: int = 0
        high: int = 10

        def __attrs_post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    with pytest.raises(ConfigurationError, match=r"^here is refused: low is above high$"):
        build_options(Pair, {"low": 5, "high": 4}, source="here")


def test_a_backend_without_options_takes_none() -> None:
    with pytest.raises(ConfigurationError, match="here has x, but this backend has no options"):
        build_options(None, {"x": 1}, source="here")


def test_the_files_that_decide_are_known_with_their_stamps(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    file = tmp_path / "pyproject.toml"
    file.write_text("")
    found = load_configuration(start_directory=str(below), environ={}, arguments={})
    assert found.configuration_files == (
        (str(below / "pyproject.toml"), None),
        (str(tmp_path / "a" / "pyproject.toml"), None),
        (str(file), Stamp.of(file.stat())),
    )


def test_paths_of_environment_files_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(table("env_files = ['a.env', '/etc/b.env']"))
    below = tmp_path / "sub"
    below.mkdir()
    arguments: dict[str, object] = {"env_files": ["c.env"]}
    found = load_configuration(start_directory=str(below), environ={}, arguments=arguments)
    assert found.env_files == (str(tmp_path / "a.env"), "/etc/b.env", str(below / "c.env"))
