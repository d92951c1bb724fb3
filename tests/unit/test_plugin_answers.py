"""What plugins return is checked: nonsense is said to be nonsense, and goes no further."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from reloader_core.model import Decision, Hint, Verdict
from reloader_core.plugins import answers
from reloader_core.testing import ScriptedSource, fake_child, fake_command

if TYPE_CHECKING:
    from collections.abc import Callable

VETO = Verdict(decision=Decision.VETO, reason="no")


def twist(value: Any, **fields: object) -> Any:
    """A value with fields that its class would not let it have."""
    return attrs.evolve(value, **fields)


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("I have no name")


@pytest.mark.parametrize(
    ("read", "answer", "fault"),
    [
        (answers.read_paths, "settings.toml", "got one string: 'settings.toml'; put it into"),
        (answers.read_paths, b"settings.toml", "got one string"),
        (answers.read_paths, 42, "expected paths or None, got 42"),
        (answers.read_paths, ["a", 3], "expected str, bytes or os.PathLike"),
        (answers.read_paths, ["a\0b"], "a null character in a path"),
        (answers.read_paths, ["\ud800"], "characters that are none"),
        (answers.read_paths, itertools.repeat("a"), "more than 100000 paths; name directories"),
        (answers.read_verdict, True, "expected a Verdict or None, got True"),
        (answers.read_verdict, Unspeakable(), "expected a Verdict or None, got <Unspeakable"),
        (answers.read_verdict, twist(VETO, decision="veto"), "expected a Decision"),
        (answers.read_verdict, twist(VETO, reason=None), "expected a string as the reason"),
        (answers.read_verdict, twist(VETO, paths=[1]), "expected strings as the verdict's paths"),
        (answers.read_verdict, twist(VETO, seconds=-1), "expected 0 to 86400 seconds, got -1"),
        (answers.read_verdict, twist(VETO, seconds=math.nan), "got nan"),
        (answers.read_verdict, twist(VETO, seconds=math.inf), "got inf"),
        (answers.read_verdict, twist(VETO, seconds=1e9), "got 1000000000.0"),
        (answers.read_verdict, twist(VETO, seconds="2"), "got '2'"),
        (answers.read_child, 4711, "expected a Child or None, got 4711"),
        (answers.read_command, ["python"], "expected a Command or None"),
        (answers.read_command, twist(fake_command(), argv=()), "argv is empty"),
        (answers.read_command, twist(fake_command(), argv=("",)), "argv is empty"),
        (answers.read_command, twist(fake_command(), argv="python"), "argv, got one string"),
        (answers.read_command, twist(fake_command(), argv=None), "as the command's argv, got None"),
        (answers.read_command, twist(fake_command(), argv=("a", 1)), "expected strings"),
        (answers.read_command, twist(fake_command(), argv=("a\0",)), "a null character"),
        (answers.read_command, twist(fake_command(), cwd=None), "the command's cwd, got None"),
        (answers.read_command, twist(fake_command(), title=7), "the command's title, got 7"),
        (answers.read_command, twist(fake_command(), is_python="no"), "for is_python, got 'no'"),
        (answers.read_command, twist(fake_command(), environment=[1]), "expected a mapping"),
        (answers.read_command, twist(fake_command(), environment={"A": 1}), "expected strings"),
        (answers.read_command, twist(fake_command(), environment={"A=": ""}), "no variable"),
        (answers.read_command, twist(fake_command(), environment={"": ""}), "no variable"),
        (answers.read_command, twist(fake_command(), notes="done"), "notes, got one string"),
        (
            answers.read_command,
            twist(fake_command(), extra_files="a.txt"),
            "extra_files, got one string",
        ),
        (answers.read_source, object(), r"expected a change source, .* without watch\(\)"),
        (answers.read_hint, "app.py", "expected hints from wait\\(\\), got 'app.py'"),
        (answers.read_hint, twist(Hint(path=""), path=None), "a string and a HintScope"),
        (answers.read_hint, twist(Hint(path=""), scope="path"), "a string and a HintScope"),
        (answers.read_hint, Hint(path="\0"), "a null character in a hint"),
    ],
)
def test_nonsense_is_refused_in_words(
    read: Callable[[Any], object], answer: object, fault: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=fault):
        read(answer)


def test_what_makes_sense_passes() -> None:
    assert answers.read_paths(path for path in ("a", b"b", Path("c"))) == ["a", "b", "c"]
    assert answers.read_paths([]) == []
    assert answers.read_verdict(VETO) == VETO
    assert answers.read_child(fake_child()) == fake_child()
    assert answers.read_command(fake_command()) == fake_command()
    source = ScriptedSource()
    assert answers.read_source(source) is source
    assert answers.read_hint(Hint.everything()) == Hint.everything()


def test_lists_do_for_tuples_in_a_command() -> None:
    command = twist(
        fake_command(), argv=["python", "-m", "shop"], notes=["added -m"], extra_files=["a.txt"]
    )
    read = answers.read_command(command)
    assert (read.argv, read.notes) == (("python", "-m", "shop"), ("added -m",))
    assert read.extra_files == ("a.txt",)


def test_a_reason_is_one_line_and_a_deferral_is_no_busy_loop() -> None:
    read = answers.read_verdict(twist(VETO, reason="one\ntwo", seconds=0))
    assert read.reason == "one two"
    assert read.seconds == answers.SHORTEST_DEFERRAL_SECONDS


def test_one_string_as_the_paths_of_a_verdict_is_refused_where_it_is_made() -> None:
    with pytest.raises(TypeError, match=r"got one string: 'index.html'; put it into a list"):
        Verdict(decision=Decision.VETO, reason="", paths="index.html")
