"""Where the reloader's options end and the program begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reloader_core.cli.options import parse_run_arguments
from reloader_core.cli.run_arguments import split_program

WITH_VALUE = {"--interval", "--extra-file", "-i"}


@pytest.mark.parametrize(
    ("typed", "own", "program"),
    [
        ("app.py", "", "app.py"),
        ("app.py --interval 3", "", "app.py --interval 3"),
        ("--interval 3 app.py", "--interval 3", "app.py"),
        ("--interval=3 app.py", "--interval=3", "app.py"),
        ("-q app.py -q", "-q", "app.py -q"),
        ("--extra-file a --extra-file b flask run", "--extra-file a --extra-file b", "flask run"),
        ("-m flask run", "", "-m flask run"),
        ("-mflask run", "", "-m flask run"),
        ("-q -m flask -m x", "-q", "-m flask -m x"),
        ("-qmflask run", "-q", "-m flask run"),
        ("-qm flask run", "-q", "-m flask run"),
        ("-c pass", "", "-c pass"),
        ("-cpass -x", "", "-c pass -x"),
        ("-", "", "-"),
        ("-q - x", "-q", "- x"),
        ("-- app.py", "", "app.py"),
        ("-- --odd-name", "", "--odd-name"),
        ("-- -mflask", "", "-m flask"),
        ("--interval -- app.py", "--interval --", "app.py"),
        ("-i 3 app.py", "-i 3", "app.py"),
        ("-i3 app.py", "-i3", "app.py"),
        ("-qi 3 app.py", "-qi 3", "app.py"),
        ("-ic app.py", "-ic", "app.py"),
        ("--unknown app.py", "--unknown", "app.py"),
        ("--interval", "--interval", ""),
        ("-m", "", "-m"),
        ("", "", ""),
    ],
)
def test_a_command_line_is_split_where_the_program_begins(
    typed: str, own: str, program: str
) -> None:
    assert split_program(typed.split(), WITH_VALUE) == (own.split(), program.split())


def test_a_flag_takes_a_value_only_behind_an_equals_sign() -> None:
    arguments = parse_run_arguments(["--track-opened-files", "app.py"])
    assert (arguments.settings, arguments.program) == ({"track_opened_files": "true"}, ["app.py"])
    arguments = parse_run_arguments(["--track-opened-files=no", "-v", "no"])
    assert (arguments.settings, arguments.program) == ({"track_opened_files": "no"}, ["no"])


def test_code_with_spaces_and_newlines_stays_one_word() -> None:
    assert split_program(["-c", "a = 1\nb"], ()) == ([], ["-c", "a = 1\nb"])
    assert split_program(["-ca = 1"], ()) == ([], ["-c", "a = 1"])


@given(
    options=st.lists(st.sampled_from(["-q", "-v", "--interval=1", "--quiet"])),
    program=st.lists(st.text(max_size=5), max_size=4),
)
def test_whatever_follows_the_program_is_the_programs(
    options: list[str], program: list[str]
) -> None:
    words = ["app.py", *program]
    assert split_program([*options, *words], WITH_VALUE) == (options, words)
