"""Programs of several processes: an edit of what only a worker loads is an edit of the program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from tests.functional.harness import Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the agent needs Unix sockets")

methods = pytest.mark.parametrize("method", ["spawn", "forkserver"])


@methods
def test_an_edit_of_what_only_a_worker_loads_restarts_the_program(
    workshop: Workshop, method: str
) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import multiprocessing, signal, sys\n"
        "def work():\n"
        "    import value\n"
        "    print('value', value.VALUE, flush=True)\n"
        "    signal.pause()\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    context.Process(target=work, daemon=True).start()\n"
        "    signal.pause()\n",
    )
    running = workshop.reloader("run", "app.py")
    for text in ("one", "two", "three"):
        if text != "one":
            workshop.write("value.py", f"VALUE = {text!r}\n")
        running.out.wait_for(f"value {text}")
    assert running.stop() == 143


def test_an_edit_that_only_a_later_worker_has_restarts_the_program(workshop: Workshop) -> None:
    """The worker is first with its report; the main process still runs the old code."""
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import multiprocessing, os, signal, sys, value\n"
        "def work():\n    print('worker', value.VALUE, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    print('main', value.VALUE, flush=True)\n"
        "    while not os.path.exists('go'): pass\n"
        "    multiprocessing.get_context('spawn').Process(target=work).start()\n"
        "    signal.pause()\n",
    )
    running = workshop.reloader("run", "--reloader-type", "stat", "--interval", "2", "app.py")
    running.out.wait_for("main one")
    workshop.write("value.py", "VALUE = 'two'\n")
    workshop.write("go", "")
    running.out.wait_for("worker two")
    running.out.wait_for("main two")


def test_a_worker_does_not_outlive_its_program(workshop: Workshop) -> None:
    """One that is not told would go on with the old code, and keep the port."""
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import multiprocessing, os, signal, value\n"
        "def work():\n"
        "    print('worker of', value.VALUE, 'pid', os.getpid(), flush=True)\n"
        "    signal.pause()\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.get_context('spawn').Process(target=work).start()\n"
        "    signal.pause()\n",
    )
    running = workshop.reloader("run", "app.py")
    worker = int(running.out.wait_for("worker of one").split()[-1])
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("worker of two")
    assert not psutil.pid_exists(worker)
