"""The sample program's own text: what it loads, what it says and what it answers.

The program tells on standard output what becomes of it, one line each, all starting with
``soak`` and its process id:

- ``start SECONDS VALUE``: the first line of the script, with the monotonic clock and its value;
- ``loading NAME`` and ``loaded NAME VALUE``, before and after each file;
- ``halfway``, ``ready``, ``stopping``;
- ``failed ERROR``: the class of the exception that ends it.

It answers each request with all its values. How long it pauses while it starts and stops is
read from a file of its own, which nobody watches.
"""

from __future__ import annotations

#: The script, in two halves: the first alone is valid, and ends by itself. ``@WRONG@`` is its
#: own value by that, ``@VALUE@`` by all of it, ``@CROWD@`` the size of the crowd.
SCRIPT = """\
import os, sys, time
def say(*words):
    os.write(1, (" ".join(["soak", str(os.getpid()), *words]) + "\\n").encode())
say("start", repr(time.monotonic()), "@WRONG@")
import importlib.util, signal, socket

port, base = int(sys.argv[1]), sys.argv[2]
values = {}

def read_pauses():
    with open(os.path.join(base, "pauses")) as file:
        return [float(word) for word in file.read().split()]

start_pause, stop_pause = read_pauses()

def stop(number, frame):
    say("stopping")
    time.sleep(stop_pause)
    # An exception could be lost in a callback of the import system.
    os._exit(0)

signal.signal(signal.SIGTERM, stop)

def take(name, value):
    values[name] = value
    say("loaded", name, value)

def load(*names):
    for name in names:
        say("loading", name)
        take(name, importlib.import_module(name).VALUE)

def load_by_path(name, path):
    say("loading", name)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    take(name, module.VALUE)

def load_in_worker(name):
    say("loading", name)
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            value = importlib.import_module(name).VALUE
        except BaseException as error:
            value = "!" + type(error).__name__
        os.write(writer, value.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        value = file.read().decode()
    os.waitpid(pid, 0)
    if not value or value[0] == "!":
        raise WorkerFailed(value[1:])
    take(name, value)

class WorkerFailed(Exception):
    pass

def read_data(name, path):
    try:
        with open(path) as file:
            take(name, file.read().split()[-1])
    except FileNotFoundError:
        pass

def answer():
    if "late" not in values:
        load("late")
    return "".join(f"{name} {values[name]}\\n" for name in sorted(values))

def serve():
    with socket.create_server(("127.0.0.1", port), backlog=128) as server:
        say("ready")
        while True:
            connection, _ = server.accept()
            with connection:
                try:
                    while not connection.recv(65536).endswith(b"\\r\\n\\r\\n"):
                        pass
                    body = answer().encode()
                    head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
                    connection.sendall(head + body)
                except OSError:
                    pass

def main():
    sys.path[1:1] = ["volume", os.path.join(base, "outside"), "lib.zip"]
    load("plain", "pack", "pack.inner", "space.here")
    load_by_path("odd_space", "odd/a b.py")
    load_by_path("odd_brackets", "odd/[x]*.py")
    load("linked", "linkdir.content")
    say("halfway")
    time.sleep(start_pause)
    load("other", "chained", "configured", "hard", "outer", "space.there", "zipped")
    load_by_path("odd_newline", "odd/new\\nline.py")
    load_by_path("odd_bytes", os.fsdecode(b"odd/\\xff\\xfe.py"))
    load_in_worker("worker")
    load("crowd", *(f"crowd.m{number:02}" for number in range(@CROWD@)))
    read_data("settings", "settings.txt")
    for name in sorted(os.listdir("data")):
        if name.endswith(".txt"):
            read_data("data." + name[:-4], os.path.join("data", name))

#@HALF@
try:
    take("app", "@VALUE@")
    main()
    serve()
except Exception as error:
    is_worker = isinstance(error, WorkerFailed)
    say("failed", str(error) if is_worker else type(error).__name__)
    raise
"""

#: Looks at one extra file only to say that it was looked at: nothing that was
#: hinted before can still be on its way when that line comes.
PLUGIN = """\
from reloader_core import hookimpl
from reloader_core.model import Decision, Verdict

@hookimpl
def should_reload(batch):
    paths = [path for path in batch.paths if path.endswith("canary.txt")]
    return Verdict(decision=Decision.VETO, reason="sung", paths=paths) if paths else None
"""
