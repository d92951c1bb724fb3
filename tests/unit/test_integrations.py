"""Command lines as people type them, and what becomes of them."""

from __future__ import annotations

import importlib
import pkgutil

import pluggy
import pytest

from reloader_core import hookspecs, integrations
from reloader_core.integrations import adapt
from reloader_core.invocation import Invocation
from reloader_core.model import Command

PY = "/usr/bin/python3.11"


def invocation(words: str) -> Invocation:
    return Invocation(argv=tuple(words.split()), cwd="/p", title="it", is_python=True)


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        ("/v/bin/flask run", "/v/bin/flask run --no-reload"),
        ("/v/bin/flask --app shop run --debug", "/v/bin/flask --app shop run --no-reload --debug"),
        ("flask -A run run -p 80 --reload", "flask -A run run --no-reload -p 80"),
        (f"{PY} -m flask run", f"{PY} -m flask run --no-reload"),
        (f"{PY} -X dev -mflask run", f"{PY} -X dev -mflask run --no-reload"),
        (f"{PY} /v/bin/flask run", f"{PY} /v/bin/flask run --no-reload"),
        (f"{PY} manage.py runserver", f"{PY} manage.py runserver --noreload"),
        (f"{PY} web/manage.py runserver 80", f"{PY} web/manage.py runserver --noreload 80"),
        (
            f"{PY} manage.py --settings runserver runserver 80",
            f"{PY} manage.py --settings runserver runserver --noreload 80",
        ),
        (f"{PY} -m django runserver", f"{PY} -m django runserver --noreload"),
        ("django-admin runserver", "django-admin runserver --noreload"),
        ("uvicorn --reload shop:app", "uvicorn shop:app"),
        (f"{PY} -m uvicorn shop:app --reload", f"{PY} -m uvicorn shop:app"),
        ("uvicorn a:b --reload-dir x --reload-include=*.y --port 80", "uvicorn a:b --port 80"),
        ("fastapi dev", "fastapi dev --no-reload"),
        ("fastapi dev main.py --port 80", "fastapi dev --no-reload main.py --port 80"),
        ("fastapi dev --reload-dir x main.py", "fastapi dev --no-reload main.py"),
        ("fastapi run --reload", "fastapi run --no-reload"),
        ("hypercorn shop:app --reload", "hypercorn shop:app"),
        ("granian --reload --reload-paths x shop:app", "granian shop:app"),
        ("gunicorn shop:app -w 2 --reload --reload-engine inotify", "gunicorn shop:app -w 2"),
        ("dramatiq --watch . --watch-use-polling -x a shop", "dramatiq shop"),
    ],
)
def test_a_frameworks_own_reloader_is_turned_off(typed: str, run: str) -> None:
    adapted = adapt(invocation(typed))
    assert " ".join(adapted.argv) == run
    (note,) = adapted.notes
    assert "its own reloader is off" in note
    assert adapt(adapted) == adapted


@pytest.mark.parametrize(
    "typed",
    [
        "/v/bin/flask run --no-reload",
        "flask --app run shell",
        "flask",
        "flask --version",
        f"{PY} manage.py migrate",
        f"{PY} manage.py runserver --noreload",
        f"{PY} manage.py",
        f"{PY} manage.py runserver_plus 80",
        f"{PY} runserver.py runserver",
        "uvicorn shop:app",
        "uvicorn shop:app -- --reload",
        "fastapi run main.py",
        "fastapi dev --no-reload main.py",
        "fastapi",
        "gunicorn shop:app",
        "celery -A worker worker -c 2",
        "celery --app proj inspect -D",
        "rq worker --url redis://127.0.0.1",
        "dramatiq shop",
        f"{PY} -c import_flask run",
        f"{PY} -m",
        PY,
        "sh -c uvicorn --reload",
        f"{PY} app.py --reload",
    ],
)
def test_other_commands_are_left_alone(typed: str) -> None:
    assert adapt(invocation(typed)) == invocation(typed)


@pytest.mark.parametrize(
    ("typed", "watched"),
    [
        ("flask run --extra-files a.yml:b/", ("/p/a.yml", "/p/b/")),
        ("flask run --extra-files=/etc/a.yml --debug", ("/etc/a.yml",)),
        (
            "uvicorn a:b --reload --reload-include *.html --reload-include=etc/*.yml",
            ("/p/**/*.html", "/p/etc/*.yml"),
        ),
        ("gunicorn a:b --reload --reload-extra-file a.yml", ("/p/**/a.yml",)),
        ("dramatiq --watch . -i *.yml shop", ("/p/**/*.yml",)),
        ("fastapi dev --reload-dir a", ()),
    ],
)
def test_what_a_frameworks_reloader_watches_besides_is_watched(
    typed: str, watched: tuple[str, ...]
) -> None:
    adapted = adapt(invocation(typed))
    assert adapted.extra_files == watched
    assert not [word for word in adapted.argv if "include" in word or "extra-file" in word]


@pytest.mark.parametrize(
    ("typed", "option"),
    [
        ("celery -A proj worker -D", "celery worker -D"),
        ("celery -A proj beat --detach", "celery beat --detach"),
        ("gunicorn a:b --reload --daemon", "gunicorn --daemon"),
    ],
)
def test_a_command_that_cannot_be_served_is_unchanged_and_a_note_says_why(
    typed: str, option: str
) -> None:
    adapted = adapt(invocation(typed))
    assert " ".join(adapted.argv) == typed
    (note,) = adapted.notes
    assert note.startswith(f"{option} leaves its supervisor and is not restarted")
    assert adapt(adapted) == adapted


def test_each_file_is_a_plugin_like_any_other() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    names = [info.name for info in pkgutil.iter_modules(integrations.__path__)]
    names.remove("words")
    for for_programs in ("jinja2", "werkzeug"):
        names.remove(for_programs)
    for name in names:
        manager.register(importlib.import_module(f"reloader_core.integrations.{name}"), name=name)
    manager.check_pending()
    assert {found.plugin_name for found in manager.hook.adapt_command.get_hookimpls()} == set(names)
    command = Command.of(invocation("uvicorn shop:app --reload"))
    adapted = manager.hook.adapt_command(command=command)
    assert adapted.argv == ("uvicorn", "shop:app")
    assert adapted.notes == ("uvicorn: its own reloader is off, without --reload",)
