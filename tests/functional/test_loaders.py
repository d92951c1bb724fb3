"""Files that a program deals with itself when they change: it is asked, and not restarted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from reloader_core.control import Client
from tests.functional.clients import free_port, get, is_served
from tests.functional.harness import wait_until
from tests.functional.live import Live, assign

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no agent")

DEALING = """\
import os, signal, sys, value
from reloader_core import child

class Loader:
    files = ["data/"]
    def iter_watched_files(self):
        return self.files
    def watch_began(self):
        print("watched", flush=True)
    def file_changed(self, path):
        text = open(path).read() if os.path.exists(path) else "nothing"
        print("told of", os.path.basename(path), text, os.getpid(), flush=True)
        if text == "raise":
            raise KeyError("in the loader")
        if text == "more":
            self.files = ["data/", "more.txt"]
        while text == "wait" and not os.path.exists("go"):
            signal.sigtimedwait([], 0.01)
        return text != "restart"

print("heard", child.register(Loader()), flush=True)
if "fork" in sys.argv and os.fork() == 0:
    signal.pause()
print("value", value.VALUE, "pid", os.getpid(), flush=True)
signal.pause()
"""


def start(workshop: Workshop, *arguments: str) -> Live:
    live = Live(workshop, "inotify")
    live.write("app.py", DEALING)
    live.write("data/a.txt", "1")
    live.edit("one")
    live.start("-v", program=("app.py", *arguments))
    live.expect("one")
    live.err.wait_for("the program is asked about changes")
    live.out.wait_for("^watched")
    return live


def test_what_a_program_deals_with_restarts_nothing(workshop: Workshop) -> None:
    live = start(workshop)
    live.write("data/a.txt", "22")
    live.out.wait_for("^told of a.txt 22")
    live.err.wait_for("data/a.txt changed: taken over by the program")
    live.write("data/deep/b.txt", "3")
    live.out.wait_for("^told of b.txt 3")
    (live.directory / "data" / "a.txt").unlink()
    live.out.wait_for("^told of a.txt nothing")
    live.err.wait_for("data/a.txt deleted: taken over by the program")
    # Then what it does not deal with.
    live.write("data/c.txt", "restart")
    live.err.wait_for("data/c.txt created: restarted in")
    live.expect("one")
    assert live.finish() == ["one", "one"]


def test_a_loader_that_fails_is_restarted_and_shows_why(workshop: Workshop) -> None:
    live = start(workshop)
    live.write("data/a.txt", "raise")
    live.err.wait_for("KeyError: 'in the loader'")
    live.err.wait_for("data/a.txt changed: restarted in")
    live.expect("one")
    assert live.finish() == ["one", "one"]


def test_a_loader_names_more_when_it_has_dealt_with_a_change(workshop: Workshop) -> None:
    live = start(workshop)
    live.write("data/a.txt", "more")
    live.err.wait_for("data/a.txt changed: taken over")
    wait_until(lambda: live.out.text.count("watched") == 2)
    live.write("more.txt", "4")
    live.err.wait_for("more.txt created: taken over")
    assert live.finish() == ["one"]


def test_a_change_of_code_beside_it_restarts(workshop: Workshop) -> None:
    live = start(workshop)
    with live.asleep():
        live.write("data/a.txt", "22")
        live.edit("two")
    live.expect("two")
    live.err.wait_for("data/a.txt changed: taken over|restarted in")
    assert live.finish() == ["one", "two"]


def test_each_process_is_asked(workshop: Workshop) -> None:
    live = start(workshop, "fork")
    wait_until(lambda: live.err.text.count("the program is asked about changes") == 2)
    live.write("data/a.txt", "22")
    live.err.wait_for("data/a.txt changed: taken over by the program")
    told = "told of a.txt 22 "
    wait_until(lambda: len({line for line in live.out.lines if line.startswith(told)}) == 2)
    assert live.finish() == ["one"]


def test_who_waits_for_an_edit_waits_for_the_answer(workshop: Workshop) -> None:
    live = start(workshop)
    live.write("data/a.txt", "wait")
    live.out.wait_for("^told of a.txt wait")
    result = Client(live.directory).wait(timeout=0.5)
    assert result.outcome == "timeout"
    assert result.error is not None
    assert "asked whether it deals with" in result.error
    live.write("go", "")
    assert Client(live.directory).wait(timeout=20.0).is_ready
    assert live.finish() == ["one"]


def test_a_program_that_does_not_answer_is_restarted(workshop: Workshop) -> None:
    live = start(workshop)
    live.write("data/a.txt", "wait")
    live.out.wait_for("^told of a.txt wait")
    live.err.wait_for("data/a.txt changed: restarted in")
    live.expect("one")
    assert live.finish() == ["one", "one"]


def test_a_function_will_do(workshop: Workshop) -> None:
    live = Live(workshop, "inotify")
    live.write(
        "app.py",
        "import os, signal, value\nfrom reloader_core import child\n"
        "child.watch('data.txt', on_change=lambda path: not print('told of', path, flush=True))\n"
        "print('value', value.VALUE, 'pid', os.getpid(), flush=True)\nsignal.pause()\n",
    )
    live.edit("one")
    live.start("-v")
    live.err.wait_for("the program is asked about changes")
    live.write("data.txt", "1")
    live.err.wait_for("data.txt created: taken over by the program")
    assert live.finish() == ["one"]


# Frameworks

SETTINGS = """\
import os
SECRET_KEY, DEBUG, ROOT_URLCONF, ALLOWED_HOSTS = "x", True, "urls", ["*"]
INSTALLED_APPS = ["reloader_core.integrations.django", "shop"]
BASE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [os.path.join(BASE, "pages")], "APP_DIRS": True,
}]
LOCALE_PATHS = [os.path.join(BASE, "words")]
LANGUAGE_CODE, USE_I18N = "de", True
"""

APPS = """\
import os
from django.apps import AppConfig
from django.utils.autoreload import autoreload_started
def watch(sender, **kwargs):
    sender.watch_dir(os.path.join(os.path.dirname(os.path.dirname(__file__)), "da[t]a"), "*.csv")
class ShopConfig(AppConfig):
    name = "shop"
    def ready(self):
        autoreload_started.connect(watch)
"""

URLS = """\
import os
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.translation import gettext
import value
def show(text): return HttpResponse(text, headers={"Content-Length": str(len(text.encode()))})
urlpatterns = [
    path("", lambda request: show(render_to_string("index.html", {"value": value.VALUE}))),
    path("pid", lambda request: show(str(os.getpid()))),
    path("word", lambda request: show(gettext("word"))),
]
"""

MANAGE = """\
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


def write_catalog(workshop: Workshop, translation: str) -> None:
    """A compiled catalog, as ``compilemessages`` writes it."""
    import struct

    pairs = [(b"", b"Content-Type: text/plain; charset=UTF-8\n"), (b"word", translation.encode())]
    start = 28 + 16 * len(pairs)
    tables: list[list[bytes]] = [[], []]
    texts = b""
    for side in (0, 1):
        for pair in pairs:
            tables[side].append(struct.pack("<II", len(pair[side]), start + len(texts)))
            texts += pair[side] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    path = workshop.directory / "words" / "de" / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + b"".join(tables[0] + tables[1]) + texts)


def start_django(workshop: Workshop, *command: str) -> tuple[Running, int]:
    port = free_port()
    for name, text in (
        ("settings.py", SETTINGS),
        ("urls.py", URLS),
        ("manage.py", MANAGE),
        ("shop/__init__.py", ""),
        ("shop/apps.py", APPS),
        ("shop/templates/foot.html", "foot"),
        ("pages/index.html", "{{ value }} {% include 'foot.html' %}"),
        ("value.py", assign("one")),
        ("da[t]a/prices.csv", "1"),
    ):
        workshop.write(name, text)
    workshop.write(
        "wsgi.py",
        "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
        "from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()\n",
    )
    write_catalog(workshop, "Wort")
    words = [word.format(port=port) for word in command]
    running = workshop.reloader("run", "-v", *words)
    running.err.wait_for("the program is asked about changes")
    wait_until(lambda: is_served(port, "one foot"), "the first answer")
    return running, port


@pytest.mark.parametrize("command", ["manage.py runserver {port}", "gunicorn"])
def test_django_deals_with_templates_and_translations(workshop: Workshop, command: str) -> None:
    pytest.importorskip("django")
    if command == "gunicorn":
        pytest.importorskip("gunicorn")
        command = "-m gunicorn wsgi:app --bind 127.0.0.1:{port}"
    running, port = start_django(workshop, *command.split())
    pid = get(port, "/pid")
    assert get(port, "/word") == "Wort"
    workshop.write("pages/index.html", "{{ value }} and {% include 'foot.html' %}")
    running.err.wait_for("pages/index.html changed: taken over by the program")
    assert get(port) == "one and foot"
    workshop.write("shop/templates/foot.html", "feet")
    running.err.wait_for("foot.html changed: taken over by the program")
    assert get(port) == "one and feet"
    write_catalog(workshop, "Wörter")
    running.err.wait_for("django.mo changed: taken over by the program")
    assert get(port, "/word") == "Wörter"
    assert get(port, "/pid") == pid
    # What Django does not deal with.
    seen = len(running.err.lines)
    workshop.write("da[t]a/prices.csv", "22")
    running.err.wait_for("prices.csv changed: restarted in", start=seen)
    wait_until(lambda: is_served(port, "one and feet"), "the answer after the restart")
    workshop.write("value.py", assign("two"))
    wait_until(lambda: is_served(port, "two and feet"), "the new code")
    assert running.stop() == 143


def test_django_without_a_supervisor_is_as_it_was(workshop: Workshop) -> None:
    pytest.importorskip("django")
    workshop.write("settings.py", SETTINGS.replace('"shop"', ""))
    workshop.write("manage.py", MANAGE)
    code = "import threading; print(sorted(t.name for t in threading.enumerate()))"
    running = workshop.start([sys.executable, "manage.py", "shell", "-v", "0", "-c", code])
    assert running.wait() == 0, running.err.text
    assert running.out.lines[-1] == "['MainThread']"


JINJA = """\
import os, sys
from flask import Flask, render_template, Blueprint
from reloader_core.integrations import jinja2
import value
app = Flask(__name__)
side = Blueprint("side", __name__, template_folder="side")
app.register_blueprint(side)
print("heard", jinja2.watch(app.jinja_env), flush=True)
@app.get("/")
def index(): return render_template("index.html", value=value.VALUE)
@app.get("/pid")
def pid(): return str(os.getpid())
"""


def test_jinja_loads_templates_anew(workshop: Workshop) -> None:
    pytest.importorskip("flask")
    port = free_port()
    workshop.write("app.py", JINJA)
    workshop.write("value.py", assign("one"))
    workshop.write("templates/index.html", "{{ value }} {% include 'foot.html' %}")
    workshop.write("side/foot.html", "foot")
    running = workshop.reloader("run", "-v", "flask", "run", "--port", str(port))
    wait_until(lambda: is_served(port, "one foot"), "the first answer")
    running.err.wait_for("the program is asked about changes")
    pid = get(port, "/pid")
    workshop.write("side/foot.html", "feet")
    running.err.wait_for("side/foot.html changed: taken over by the program")
    assert get(port) == "one feet"
    workshop.write("templates/index.html", "{{ value }}, {% include 'foot.html' %}")
    running.err.wait_for("templates/index.html changed: taken over by the program")
    assert get(port) == "one, feet"
    assert get(port, "/pid") == pid
    assert running.stop() == 143
