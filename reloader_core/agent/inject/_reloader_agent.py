"""The agent: runs inside the user's program and reports what the program loads.

Rules:

- Invisible. No thread (on Linux), no hook in ``sys`` (but for files that the program
  opens, if they are wanted), nothing in tracebacks, nothing left in ``sys.path``,
  ``os.environ`` or ``sys.modules`` but this module.
- Cheap. It is compiled and run at every start: standard library only, and of
  that only what the interpreter has imported by then. (``from __future__``
  would read a file, hence the quoted annotations.) One file for the same reason.
- Harmless. It never raises into the program; when in doubt it goes silent. That
  is why exceptions are caught whatever they are.

What it says and understands is described in ``reloader_core.agent.protocol``.
"""

import os
import sys
from time import sleep, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_FS_ENCODING = sys.getfilesystemencoding()
_FS_ERRORS = sys.getfilesystemencodeerrors()

# CPython believes bytecode when the whole second of the source's modification
# time and its size agree (PEP 552 calls it "timestamp-based"). Bytecode of a source
# this young may have been written between two saves within that second. The
# other bound: a date far in the future was set by hand, not by a clock.
_RACY_SECONDS = 2.0
_CLOCK_SKEW_SECONDS = 60.0

# File times advance in ticks of the kernel's clock, of up to 10 ms. An edit within
# the tick of the one before, of the same size, leaves no trace in a stamp; so a
# stamp is taken when the tick is over.
_TICK_SECONDS = 0.012

_MAX_TEXT = 2000

#: The end of a traceback tells most.
_MAX_TRACEBACK = 16384


class _Channel:
    """The socket to the supervisor. One record, one ``write``: forked workers share it.

    A program that becomes a daemon closes all descriptors, and the number may
    be somebody else's afterwards. So each write makes sure, and the first
    doubt silences the agent in this process for ever.
    """

    def __init__(self) -> None:
        self.fd = -1
        self.identity = (-1, -1)

    def open(self, fd: int, inode: str) -> bool:
        """Take the descriptor over; false when it is not the one we were given."""
        status = os.fstat(fd)
        is_socket = status.st_mode & 0o170000 == 0o140000
        if not is_socket or (inode and int(inode) != status.st_ino):
            return False
        os.set_inheritable(fd, False)
        if sys.platform != "win32":
            os.set_blocking(fd, True)
        self.fd = fd
        self.identity = (status.st_dev, status.st_ino)
        return True

    def send(self, records: bytes) -> None:
        if self.is_ours():
            try:
                os.write(self.fd, records)
            except OSError:
                self.fd = -1

    def is_ours(self) -> bool:
        """Whether the descriptor still is the one we were given."""
        if self.fd >= 0:
            try:
                status = os.fstat(self.fd)
                if (status.st_dev, status.st_ino) == self.identity:
                    return True
            except OSError:
                pass
            self.fd = -1
        return False

    def read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = os.read(self.fd, count - len(data))
            if not chunk:
                # The supervisor is gone, or does not want this process any more.
                os._exit(0)
            data += chunk
        return data

    def read_item(self) -> bytes:
        """One item without its NUL. Byte by byte: what follows may be another process's."""
        item = b""
        while not item.endswith(b"\0"):
            item += self.read_exactly(1)
        return item[:-1]


_channel = _Channel()
_sent: "dict[str, bytes]" = {}
_missed: "set[str]" = set()
_distrusted: "set[str]" = set()

#: The directory below which files that the program opens are reported, if that is wanted.
_opened_below: "list[str]" = []


def activate(request: str) -> None:
    """Say hello, wait for the release, then watch what is loaded.

    :param request: ``<socket fd>,<lifeline fd>[,<inode of the socket>[,<what was in
        PYTHONPATH>[,<role>[,<directory below which opened files are reported>]]]]``; the
        role is ``worker``, ``keeping worker`` for one that sends its listening sockets, or
        empty.
    """
    fd, lifeline, inode, _, role, below = [*request.split(",", 5), "", "", "", ""][:6]
    if not _channel.open(int(fd), inode):
        return
    if role.endswith("worker"):
        _opened_below[:] = [below] if below else []
        _join(is_keeping=role.startswith("keeping"))
        return
    try:
        if lifeline:
            _die_with_supervisor(int(lifeline))
        # Before the wait, which may be long: an edit during it must not go unseen.
        loaded = _iter_loaded()
        _channel.send(_hello())
        _wait_for_release()
        _channel.send(b"R%d\0" % os.getpid())
        _install_hooks()
        _write_stacks_when_asked()
        _forget_directory_listings()
        # Nobody else writes yet, so that many records may go at once.
        _channel.send(b"".join([_new_record(*item) for item in loaded]))
        _report_main_script()
        _on_exit(_report_uncaught)
    except KeyboardInterrupt:
        # The program has not begun: Ctrl-C ends it without a word.
        os._exit(130)


def _join(*, is_keeping: bool) -> None:
    """Watch what is loaded by one more process of a program that runs already.

    The channel is the program's: others write to it at the same time, and what is read
    from it is not for us.
    """
    loaded = _iter_loaded()
    if is_keeping:
        # Of the sockets that the program has opened. What a worker opens itself it would
        # not be given back.
        _keeping.append(None)
        _inherited.append(_list_open_sockets())
    _install_hooks()
    for item in loaded:
        _report(*item)


def _hello() -> bytes:
    version = b"%d.%d.%d" % sys.version_info[:3]
    hello = b"H%d %s %s\0" % (os.getpid(), version, os.fsencode(sys.executable or ""))
    try:
        return hello + b"D%s\0" % os.fsencode(os.getcwd())
    except OSError:
        # It is gone. The program will find out.
        return hello


def _import_unseen(name: str) -> "Any":
    """Import a module of C, and leave ``sys.modules`` as it was.

    Under -X dev the import of an extension module takes a codec along.
    """
    before = set(sys.modules)
    module = __import__(name)
    for added in set(sys.modules) - before:
        del sys.modules[added]
    return module


# --- The supervisor's end --------------------------------------------------------------


def _die_with_supervisor(lifeline: int) -> None:
    """End this process when the write end of the pipe ``lifeline`` closes."""
    os.set_inheritable(lifeline, False)
    if sys.platform == "linux":
        try:
            _ask_kernel_to_kill(lifeline)
            return
        except (ImportError, OSError):
            # Another kernel behind Linux's interface: WSL 1, gVisor.
            pass
    # Not threading: its import costs more than all the rest of the agent, and
    # the program shall not find our thread in threading.enumerate().
    import _thread

    _thread.start_new_thread(_wait_and_die, (lifeline,))


def _wait_and_die(lifeline: int) -> None:
    try:
        while os.read(lifeline, 1):
            pass
    except OSError:
        # The program closed it: it wants to outlive us.
        return
    os._exit(1)


if sys.platform == "linux":

    def _ask_kernel_to_kill(lifeline: int) -> None:
        """Have the hang-up of the pipe signalled as SIGKILL.

        No thread, and it works while the program is in C code or ignores SIGTERM.
        """
        fcntl = _import_unseen("fcntl")
        try:
            # An open file has one owner. A description of our own keeps it when
            # another interpreter of the same command line sets itself up.
            own = os.open(f"/proc/self/fd/{lifeline}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            pass
        else:
            # At the number it had: the program gets the first ones for its own files.
            os.dup2(own, lifeline, inheritable=False)
            os.close(own)
        pid = os.getpid()
        # As leader of a process group, take the workers along: they are ours.
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -pid if os.getpgrp() == pid else pid)
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, 9)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        try:
            if not os.read(lifeline, 1):
                # It hung up before we had asked.
                os._exit(0)
        except BlockingIOError:
            pass


#: As in reloader_core.agent.
_STACKS_SIGNAL = 59


def _write_stacks_when_asked() -> None:
    """Have the stacks of all threads written to the channel when the supervisor asks.

    It does when the program does not end, before it is killed. The handler is C: it needs
    neither the interpreter nor its lock.
    """
    if sys.platform == "linux":
        try:
            _import_unseen("faulthandler").register(_STACKS_SIGNAL, file=_channel.fd)
        except Exception:
            # Another implementation of Python, or no such signal.
            pass


def _wait_for_release() -> None:
    try:
        items = [b""]
        while items[-1] != b"G":
            items = [_channel.read_item()]
            if items[0][:1] == b"L" and items[0][1:].isdigit():
                items = _channel.read_exactly(int(items[0][1:])).split(b"\0")[:-1] or [b""]
            for item in items:
                _obey(item)
        if _mailboxes:
            _receive_mailboxes()
    except OSError:
        # ECONNRESET: it died without reading our hello.
        os._exit(0)


def _obey(item: bytes) -> None:
    """Follow one item of the release; unknown ones are a later version's."""
    letter, text = item[:1], os.fsdecode(item[1:])
    if letter == b"B":
        _distrusted.add(text)
    elif letter == b"O":
        _opened_below[:] = [text]
    elif letter == b"K":
        _keeping.append(None)
    elif letter == b"A":
        _adapting.append(None)
    elif letter == b"N":
        _mailboxes.append((text, -1))
    elif letter == b"U":
        os.environ.pop(text, None)
    elif letter == b"E":
        name, equals, value = text.partition("=")
        if name and equals:
            os.environ[name] = str(os.getpid()) if value == "{pid}" else value


# --- Reporting -------------------------------------------------------------------------


def _absolute(path: str) -> str:
    """``path`` from the root, without detours, symbolic links left alone."""
    if os.sep == "/" and path[:1] == "/":
        if "/./" not in path and "//" not in path and "/../" not in path:
            return path
        if "/../" in path:
            plain = os.path.normpath(path)
            # Behind a symbolic link, ".." leads elsewhere than the text says.
            try:
                same = os.path.samestat(os.stat(plain), os.stat(path))
            except OSError:
                same = False
            return plain if same else path
        return os.path.normpath(path)
    joined = os.path.join(os.getcwd(), path)
    return _absolute(joined) if os.sep == "/" else os.path.normpath(joined)


def _new_record(letter: str, path: str, status: os.stat_result) -> bytes:
    """The record of a file; empty when it was the last one sent for this path."""
    record = (
        f"{letter}{status.st_dev} {status.st_ino} {status.st_size}"
        f" {status.st_mtime_ns} {status.st_ctime_ns} {path}\0"
    ).encode(_FS_ENCODING, _FS_ERRORS)
    if _sent.get(path) == record:
        return b""
    _sent[path] = record
    return record


def _report(letter: str, path: str, status: os.stat_result) -> None:
    record = _new_record(letter, path, status)
    if record:
        _channel.send(record)


def _observe(letter: str, path: "Any") -> None:
    """Report a file that is about to be read."""
    try:
        path = os.fsdecode(path)
        _report(letter, _absolute(path), _stat(path))
    except Exception:
        # Not a path, not there: whoever is about to read it will complain.
        pass


def _report_missing(fullname: str, path: "Any") -> None:
    """Report the directories in which a module was looked for in vain."""
    try:
        tail = fullname.rpartition(".")[2]
        finders = sys.path_importer_cache
        places = []
        for entry in sys.path if path is None else path:
            if entry == "":
                entry = os.getcwd()
            # Whatever is no directory (or not yet) has another finder or none.
            if not isinstance(finders.get(entry), _FileFinder) or _is_stdlib(entry):
                continue
            place = _absolute(os.path.join(entry, tail))
            if place not in _missed:
                _missed.add(place)
                places.append(f"M{place}\0")
        if places:
            _channel.send("".join(places).encode(_FS_ENCODING, _FS_ERRORS))
    except Exception:
        # Strange entries in the path: the import goes on as it would.
        pass


def _is_stdlib(directory: str) -> bool:
    if directory.startswith(_STDLIB):
        below = directory[len(_STDLIB) :]
        return not below or (below[0] == os.sep and "-packages" not in below)
    return directory.endswith("lib-dynload")


_STDLIB = os.path.dirname(os.__file__)


def _stat(path: "Any") -> os.stat_result:
    """``os.stat``, whose result any later change will differ from."""
    status = os.stat(path)
    age = time() - status.st_mtime
    if 0.0 <= age < _TICK_SECONDS:
        sleep(_TICK_SECONDS - age)
        status = os.stat(path)
    return status


# --- What the program says itself, by ``reloader_core.child`` ------------------------------


def say_ready() -> bool:
    """Report that the program can do its work."""
    _channel.send(b"Y%d\0" % os.getpid())
    return _channel.fd >= 0


def name_files(entries: "list[str]") -> bool:
    """Report files that are to be watched, absolute and in the dialect of ``extra_files``."""
    _channel.send(b"".join(b"F%s\0" % os.fsencode(entry) for entry in entries))
    return _channel.fd >= 0


def offer_conversation(number: int) -> bool:
    """Give the supervisor the other end of a socket, over which it asks about changes."""
    if not _channel.is_ours():
        return False
    _send_with(sys.modules["_socket"], b"J%d\0" % os.getpid(), number)
    return True


# --- What is known of frameworks is in files of its own, which few programs need ------------

#: Holds something if the reloaders that frameworks have are to be turned off.
_adapting: "list[None]" = []


def _load(name: str) -> "Any":
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"_reloader_{name}.py")
    loader = _external.SourceFileLoader(f"_reloader_{name}", place)
    module = type(sys)(loader.name)
    exec(loader.get_code(loader.name), module.__dict__)  # noqa: S102
    return module


def _hook_reloader(name: str, module: "Any") -> None:
    """Turn the reloader of a framework off, and say so when it would have been used."""
    if _adapting:
        unknown = "the reloader of this version is not known; it is left as it is"
        _apply("frameworks", name, unknown, module, _say_adapted, name_files)


def _apply(file: str, name: str, unknown: str, *arguments: "Any") -> None:
    """Have a file change a framework, or say that it is not as that file knows it."""
    try:
        getattr(_load(file), f"hook_{name}")(*arguments)
    except (AttributeError, KeyError):
        _say_adapted(f"{name}: {unknown}")


def _say_adapted(note: str) -> None:
    _channel.send(b"I%s\0" % note.encode("utf-8", "backslashreplace"))


# --- Bytecode --------------------------------------------------------------------------

_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def _is_bytecode_usable(path: str, status: os.stat_result) -> bool:
    """Report a source; false when its bytecode is stale and must be ignored."""
    try:
        spelled = _absolute(os.fsdecode(path))
        _report("S", spelled, status)
        if spelled in _distrusted:
            _distrusted.discard(spelled)
        elif not -_CLOCK_SKEW_SECONDS < time() - status.st_mtime < _RACY_SECONDS and (
            _is_installed(spelled) or _was_compiled_since(path, status)
        ):
            return True
        return _remove_bytecode(path)
    except Exception:
        # An odd path: Python's own rules apply.
        return True


def _is_installed(path: str) -> bool:
    """Whether a source came with Python or a package: nobody edits it in place."""
    site, dist = _PACKAGES
    return site in path or dist in path or path.startswith(_STDLIB + os.sep)


def _was_compiled_since(path: str, status: os.stat_result) -> bool:
    """Whether the bytecode is younger than any change of the source, or not there.

    A modification time can be set back, and its second shared by two saves. The change
    time is the kernel's own: it moves whenever the file, or anything known of it, changes.
    """
    if sys.platform == "win32":
        # There it is the time of creation.
        return True
    try:
        return os.stat(_cache_from_source(path)).st_ctime_ns > status.st_ctime_ns
    except FileNotFoundError:
        return True


def _remove_bytecode(path: str) -> bool:
    """Remove it, so that fresh bytecode is written; false when it cannot be removed."""
    cached = _cache_from_source(path)
    try:
        fd = os.open(cached, os.O_RDONLY)
        try:
            header = os.read(fd, 8)
        finally:
            os.close(fd)
        # PEP 552: other flags than 0 mean that the source's hash decides, or
        # that the user wants it believed whatever happens.
        if header[4:] == b"\0\0\0\0":
            os.unlink(cached)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


# --- Hooks -----------------------------------------------------------------------------

_external: "Any" = sys.modules["_frozen_importlib_external"]
_FileFinder: "type" = _external.FileFinder
_cache_from_source: "Callable[[str], str]" = _external.cache_from_source


def _disguise(ours: "Any", original: "Any") -> "Any":
    """Give our function the looks of the one it stands for.

    An import's traceback loses the frames whose file is importlib's (see
    remove_importlib_frames in CPython's import.c), and warnings' stacklevel does
    not count them.
    """
    code = getattr(original, "__code__", None)
    ours.__code__ = ours.__code__.replace(
        co_filename=_external.SourceFileLoader.get_code.__code__.co_filename,
        co_name=original.__name__,
        co_firstlineno=getattr(code, "co_firstlineno", 1),
    )
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        # A method of C has no module.
        setattr(ours, name, getattr(original, name, None))
    return ours


def _install_hooks() -> None:
    """Replace the functions through which everything is loaded."""
    _hook_source(_external.SourceFileLoader)
    _hook_bytecode(_external.SourcelessFileLoader)
    _hook_extension(_external.ExtensionFileLoader)
    _hook_finder(_external.PathFinder)
    zipimport = sys.modules.get("zipimport")
    if zipimport is not None:
        _hook_archive(zipimport)
    io = sys.modules.get("io")
    if io is not None:
        _hook_open_code(io)
    _hook_workers()
    for name, hook in _after_import.items():
        if name in sys.modules:
            hook(sys.modules[name])
    for directory in _opened_below:
        _hook_opens(directory)


def _hook_source(loader: "Any") -> None:
    # SourceLoader.get_code calls it before it reads source or bytecode. By the
    # time the module runs it has returned: no frame of ours is below the program.
    def path_stats(self: "Any", path: "Any") -> "dict[str, float]":
        status = _stat(path)
        if not _is_bytecode_usable(path, status):
            # get_code then leaves the bytecode alone and compiles the source.
            raise OSError("stale bytecode that cannot be removed")
        return {"mtime": status.st_mtime, "size": status.st_size}

    loader.path_stats = _disguise(path_stats, loader.path_stats)


def _hook_bytecode(loader: "Any") -> None:
    original = loader.get_code

    def get_code(self: "Any", fullname: str) -> "Any":
        _observe("B", self.path)
        return original(self, fullname)

    loader.get_code = _disguise(get_code, original)


def _hook_extension(loader: "Any") -> None:
    original = loader.create_module

    def create_module(self: "Any", spec: "Any") -> "Any":
        _observe("E", spec.origin)
        return original(self, spec)

    loader.create_module = _disguise(create_module, original)


def _hook_finder(finder: "Any") -> None:
    original = finder.find_spec.__func__

    def find_spec(cls: "Any", fullname: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if fullname[:16] == "multiprocessing.":
            _hook_workers()
        spec = original(cls, fullname, path, target)
        if fullname in _after_import:
            _do_after_import(fullname, spec)
        # A namespace package gives way to any module or real package.
        if spec is None or spec.loader is None:
            _report_missing(fullname, path)
        return spec

    finder.find_spec = classmethod(_disguise(find_spec, original))


def _do_after_import(fullname: str, spec: "Any") -> None:
    """Have a module changed as soon as it was executed, with no frame of ours left by then."""
    loader = getattr(spec, "loader", None)
    if not isinstance(loader, _external.SourceFileLoader):
        return

    def exec_module(module: "Any") -> None:
        del loader.exec_module
        loader.exec_module(module)
        try:
            _after_import[fullname](module)
        except Exception:
            # Another module of that name.
            pass

    # The loader is this module's alone; the attribute hides the method of its class.
    loader.exec_module = _disguise(exec_module, loader.exec_module)


def _hook_listen(module: "Any") -> None:
    """Report that a socket listens, for then a server can do its work; give it to be kept."""
    original = module.socket.listen

    def listen(self: "Any", *backlog: "Any") -> None:
        original(self, *backlog)
        try:
            _report_listening(module, self)
        except Exception:
            # It is no socket any more, or an odd one.
            pass

    module.socket.listen = _disguise(listen, original)
    if _mailboxes:
        _hook_bind(module)


#: Debuggers within one another, and in several threads.
_prompts: "list[None]" = []


def _hook_prompt(debugger: "Any") -> None:
    """Report when somebody comes to the prompt of a debugger, and when they leave it.

    A class that derives from this one calls its method for the prompt, or is hooked itself.
    """
    original = debugger.interaction

    def interaction(self: "Any", *args: "Any", **kwargs: "Any") -> "Any":
        _prompts.append(None)
        if len(_prompts) == 1:
            _channel.send(b"P%d\0" % os.getpid())
        try:
            return original(self, *args, **kwargs)
        finally:
            _prompts.pop()
            if not _prompts:
                _channel.send(b"Q%d\0" % os.getpid())

    debugger.interaction = _disguise(interaction, original)


#: What is done to a module once it is there.
_after_import: "dict[str, Callable[[Any], None]]" = {
    "socket": _hook_listen,
    "pdb": lambda module: _hook_prompt(module.Pdb),
    "pudb.debugger": lambda module: _hook_prompt(module.Debugger),
    # These open their sockets without Python's.
    "granian.server": lambda module: _hook_server("granian", module),
    "granian.server.common": lambda module: _hook_server("granian", module),
    "uvloop": lambda module: _hook_server("uvloop", module),
    # These have reloaders of their own.
    "django.utils.autoreload": lambda module: _hook_reloader("django", module),
    "uvicorn.config": lambda module: _hook_reloader("uvicorn", module),
    "werkzeug._reloader": lambda module: _hook_reloader("werkzeug", module),
}


def _hook_archive(zipimport: "Any") -> None:
    original = zipimport._read_directory

    # Modules are found by the directory as it was read; so that is the moment.
    def _read_directory(archive: str) -> "Any":
        try:
            status: os.stat_result | None = _stat(archive)
        except OSError:
            status = None
        files = original(archive)
        if status is not None:
            _report("A", _absolute(archive), status)
        return files

    zipimport._read_directory = _disguise(_read_directory, original)


def _hook_open_code(io: "Any") -> None:
    original = io.open_code

    # runpy.run_path, pdb, cProfile and trace run code by its path. The import
    # system itself uses _io.open_code, which we leave alone.
    def open_code(path: str) -> "Any":
        _observe("B" if str(path).endswith(".pyc") else "S", path)
        return original(path)

    io.open_code = _disguise(open_code, original)


# --- Files that the program opens ------------------------------------------------------------

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC

#: A program may write any number of files; the oldest are forgotten.
_MOST_WRITTEN = 10_000


def _hook_opens(root: str) -> None:
    """Report files below a directory before they are opened.

    This hook is called for all that Python audits, and can never be removed: only for
    those who ask for it.
    """
    prefix = root.rstrip(os.sep) + os.sep
    written: dict[str, None] = {}

    def hook(event: str, items: "tuple[Any, ...]") -> None:
        if event not in ("open", "os.rename", "os.remove"):
            return
        try:
            if event == "open":
                path, _, flags = items
                # A number is a descriptor: it was opened before.
                if not isinstance(path, int):
                    (wrote if flags & _WRITING else read)(path, -1)
            elif event == "os.remove":
                wrote(*items)
            else:
                source, target, source_directory, target_directory = items
                wrote(source, source_directory)
                wrote(target, target_directory)
        except Exception:
            # No path, not there, no working directory: whoever opens it will complain.
            pass

    def read(path: "Any", directory: int) -> None:
        spelled = _locate(path, directory)
        # Once for each process: what counts is the state in which it was first read.
        if not spelled.startswith(prefix) or spelled in _sent or spelled in written:
            return
        if ".pyc" not in spelled:
            status = _stat(spelled)
            if status.st_mode & 0o170000 == 0o100000:
                _report("O", spelled, status)

    def wrote(path: "Any", directory: int) -> None:
        spelled = _locate(path, directory)
        if not spelled.startswith(prefix) or spelled in written or ".pyc" in spelled:
            return
        if len(written) >= _MOST_WRITTEN:
            written.pop(next(iter(written)), None)
        written[spelled] = None
        # Before it is written: the supervisor knows by the time it notices.
        _channel.send(b"W%s\0" % os.fsencode(spelled))

    sys.addaudithook(hook)


def _locate(path: "Any", directory: int) -> str:
    """Where a path leads that was given with the descriptor of a directory, or -1."""
    path = os.fsdecode(path)
    if directory >= 0 and not os.path.isabs(path):
        path = os.path.join(os.readlink(f"/proc/self/fd/{directory}"), path)
    return _absolute(path)


# --- Sockets that outlive the program --------------------------------------------------------

#: Holds something if listening sockets are to be given to the supervisor.
_keeping: "list[None]" = []

#: What listened in the program before this one: where, and the descriptor of a socket in
#: which the listening socket lies. So whoever does not ask for it does not have it open.
_mailboxes: "list[tuple[str, int]]" = []

#: In a worker, the sockets that it has got from the program, by device and inode.
_inherited: "list[set[tuple[int, int]]]" = []

#: The sockets that were given, likewise.
_given: "set[tuple[int, int]]" = set()

#: The ports that they listen at.
_given_ports: "set[str]" = set()

#: Unix sockets that are kept: a program removes them when it ends, or before it binds.
_kept_paths: "set[str]" = set()

#: Those of them that it has removed, as far as it knows.
_left_there: "set[str]" = set()

#: How long the supervisor may take to close what is in the way.
_WAY_SECONDS = 1.0


def _report_listening(module: "Any", listening: "Any") -> None:
    name = listening.getsockname()
    # multiprocessing has sockets for itself, in a directory of that name.
    if "pymp-" in str(name):
        return
    if "listen" not in _hooked:
        _hooked.add("listen")
        _channel.send(b"K%d\0" % os.getpid())
    if not _keeping or not _channel.is_ours():
        return
    status = os.fstat(listening.fileno())
    identity = (status.st_dev, status.st_ino)
    if identity in _given or (_inherited and identity not in _inherited[0]):
        return
    path = ""
    if listening.family == getattr(module, "AF_UNIX", None):
        if not isinstance(name, str) or not name:
            return  # in no directory
        path = os.path.abspath(name)
    elif listening.family not in (module.AF_INET, module.AF_INET6):
        return
    if listening.type != module.SOCK_STREAM:
        return
    _given.add(identity)
    if path:
        _keep_path(path)
    else:
        _given_ports.add(str(name[1]))
    _hook_bind(module)
    _send_with(module, b"N%d %s\0" % (os.getpid(), os.fsencode(path)), listening.fileno())


def _list_open_sockets() -> "set[tuple[int, int]]":
    found = set()
    for name in os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"):
        try:
            status = os.fstat(int(name))
        except OSError:
            # What has listed them.
            continue
        if status.st_mode & 0o170000 == 0o140000:
            found.add((status.st_dev, status.st_ino))
    return found


def _send_with(module: "Any", record: bytes, descriptor: int) -> None:
    """Send a record, and a descriptor with it."""
    rights = descriptor.to_bytes(4, sys.byteorder)
    channel = module.socket(fileno=_channel.fd)
    try:
        channel.sendmsg([record], [(module.SOL_SOCKET, module.SCM_RIGHTS, rights)])
    finally:
        channel.detach()


def _receive_with(module: "Any", link: "Any", count: int, flags: int = 0) -> "list[int]":
    """Receive one byte and the descriptors that come with it, so many at most."""
    flags |= getattr(module, "MSG_CMSG_CLOEXEC", 0)
    _, ancillary, _, _ = link.recvmsg(1, module.CMSG_SPACE(4 * count), flags)
    numbers: list[int] = []
    for level, kind, body in ancillary:
        if (level, kind) == (module.SOL_SOCKET, module.SCM_RIGHTS):
            starts = range(0, len(body) - 3, 4)
            numbers += [int.from_bytes(body[start : start + 4], sys.byteorder) for start in starts]
    for number in numbers:
        os.set_inheritable(number, False)
    return numbers


def _receive_mailboxes() -> None:
    """Receive the descriptors of the mailboxes, which come with one byte."""
    module = _import_unseen("_socket")
    channel = module.socket(fileno=_channel.fd)
    try:
        numbers = _receive_with(module, channel, len(_mailboxes))
    finally:
        channel.detach()
    if len(numbers) == len(_mailboxes):
        _mailboxes[:] = [
            (key, number) for (key, _), number in zip(_mailboxes, numbers, strict=True)
        ]
    else:
        # There is no room for as many.
        for number in numbers:
            os.close(number)
        _mailboxes.clear()
    for key, _ in _mailboxes:
        family, _, path = key.split(" ", 2)
        if int(family) == getattr(module, "AF_UNIX", None):
            _keep_path(path)


def _hook_bind(module: "Any") -> None:
    """Give the program the socket it had, when it binds the address that it had.

    Before there is something to be given, or in the way, the method is that of C.
    """
    if "bind" in _hooked:
        return
    _hooked.add("bind")
    original = module.socket.bind

    def bind(self: "Any", address: "Any") -> None:
        if self.type != module.SOCK_STREAM:
            original(self, address)
        elif not _claim(module, self, address):
            try:
                original(self, address)
            except OSError as error:
                is_taken = error.errno == module.errno.EADDRINUSE
                if not is_taken or not _give_way(module, self, address):
                    raise
                original(self, address)

    module.socket.bind = _disguise(bind, original)


def _claim(module: "Any", asking: "Any", address: "Any") -> bool:
    """Have ``asking`` be the socket that listened at an address before; false if none did."""
    try:
        key = _key_of(module, int(asking.family), address)
        for entry in _mailboxes:
            if entry[0] == key:
                _mailboxes.remove(entry)
                kept = _open_mailbox(module, entry[1])
                if kept < 0:
                    return False
                os.dup2(kept, asking.fileno(), os.get_inheritable(asking.fileno()))
                os.close(kept)
                # What it was set to before, for the program and for the kernel.
                asking.settimeout(asking.gettimeout())
                return True
        _make_way(module, key)
    except Exception:
        # Not an address, or one that cannot be resolved: bind() will say so.
        pass
    return False


def _key_of(module: "Any", family: int, address: "Any") -> str:
    """An address as the release spells it.

    Family, port and host as getsockname() says them; family, inode and path of a Unix socket.
    """
    if family == getattr(module, "AF_UNIX", None):
        path = os.path.abspath(os.fsdecode(address))
        status = os.stat(path)
        return f"{family} {status.st_dev}:{status.st_ino} {path}"
    host, port = address[:2]
    if isinstance(host, str) and host.isascii():
        host = host.encode()  # text would be encoded by a module that takes its time to load
    passive = module.AI_PASSIVE
    found = module.getaddrinfo(host or None, port, family, module.SOCK_STREAM, 0, passive)
    return f"{family} {found[0][4][1]} {found[0][4][0]}"


def _make_way(module: "Any", key: str) -> None:
    """Have what listened at the same port, at another address, closed before it is in the way."""
    port = key.split(" ")[1]
    blocking = [entry for entry in _mailboxes if entry[0].split(" ")[1] == port and ":" not in port]
    for entry in blocking:
        _mailboxes.remove(entry)
        kept = _open_mailbox(module, entry[1])
        if kept >= 0:
            os.close(kept)
    if blocking:
        _have_closed(module, port)


def _give_way(module: "Any", asking: "Any", address: "Any") -> bool:
    """Have what this very program has listened on closed: it binds the address once more.

    :returns: whether there was something; else somebody else has the address.
    """
    try:
        if asking.family == getattr(module, "AF_UNIX", None):
            path = os.path.abspath(os.fsdecode(address))
            if path not in _left_there:
                return False
            _left_there.discard(path)
            _kept_paths.discard(path)
            os.unlink(path)
            return True
        port = _key_of(module, int(asking.family), address).split(" ")[1]
        if port not in _given_ports:
            return False
        _given_ports.discard(port)
        _have_closed(module, port)
    except Exception:
        # The first error is the one to be told.
        return False
    return True


def _have_closed(module: "Any", port: str) -> None:
    """Have the supervisor close what it keeps at a port, and wait for that."""
    ours, theirs = module.socketpair()
    with ours, theirs:
        _send_with(module, b"V%s\0" % port.encode(), theirs.fileno())
        theirs.close()
        ours.settimeout(_WAY_SECONDS)
        ours.recv(1)  # its end, once they are closed


def _hook_server(name: str, module: "Any") -> None:
    """Have a server use Python's sockets."""
    if _keeping and not _inherited:
        unknown = "how this version listens is not known; its port closes at a restart"
        _apply("servers", name, unknown, module, _report_listening)


def _keep_path(path: str) -> None:
    """Have a program leave a Unix socket where it is: the supervisor removes it at last."""
    _kept_paths.add(path)
    if "unlink" not in _hooked:
        _hooked.add("unlink")
        for name in ("unlink", "remove"):
            _hook_unlink(name)


def _hook_unlink(name: str) -> None:
    original = getattr(os, name)

    def unlink(path: "Any", *, dir_fd: "Any" = None) -> None:
        try:
            absolute = os.path.abspath(os.fsdecode(path)) if dir_fd is None else ""
            if absolute in _kept_paths:
                _left_there.add(absolute)
                return
        except Exception:
            # Not a path: as it will be told.
            pass
        original(path, dir_fd=dir_fd)

    setattr(os, name, _disguise(unlink, original))


def _open_mailbox(module: "Any", number: int) -> int:
    """Take the listening socket out; -1 when the supervisor has taken it back."""
    mailbox = module.socket(fileno=number)
    try:
        return (*_receive_with(module, mailbox, 1, module.MSG_DONTWAIT), -1)[0]
    except OSError:
        return -1
    finally:
        mailbox.close()


# --- Workers that multiprocessing starts ---------------------------------------------------

#: How the code begins by which it has an interpreter run the program's. Its resource
#: tracker runs none.
_WORKER_CODE = (
    "from multiprocessing.spawn import ",
    "from multiprocessing.forkserver import ",
    # As releases spell it that put the program's arguments behind the code.
    "import sys; from multiprocessing.forkserver import ",
)

_hooked: "set[str]" = set()


def _hook_workers() -> None:
    """Hand the agent on to the interpreters of *spawn* and *forkserver*.

    Called whenever a part of multiprocessing is looked for: before it starts anything
    it loads one more part. Whoever does not use it finds ``fork_exec`` as it was, and
    since 3.11 so does subprocess, which has taken it for itself by then.
    """
    starter: Any = sys.modules.get("_posixsubprocess")
    util = sys.modules.get("multiprocessing.util")
    if starter is None or not hasattr(util, "spawnv_passfds") or "fork_exec" in _hooked:
        return
    _hooked.add("fork_exec")
    original = starter.fork_exec

    def fork_exec(*items: "Any") -> "Any":
        return original(*_with_agent(items))

    starter.fork_exec = _disguise(fork_exec, original)


def _with_agent(items: "tuple[Any, ...]") -> "tuple[Any, ...]":
    """The arguments of ``fork_exec`` that give a worker the channel and its agent.

    They are positional, and others in each Python; the first six are the same in all.
    """
    try:
        argv, executables, close_fds, pass_fds, cwd, environment, *others = items
        # The executable may be bytes, which python -b does not want compared.
        words = [word for word in argv if isinstance(word, str)]
        code = words[words.index("-c") + 1] if "-c" in words[:-1] else ""
        is_worker = environment is None and code.startswith(_WORKER_CODE)
        if not is_worker or not _channel.is_ours():
            return items
        _remove_distrusted_bytecode()
        pass_fds = tuple(sorted({*pass_fds, _channel.fd}))
        environment = [b"%s=%s" % pair for pair in _worker_environment().items()]
        return (argv, executables, close_fds, pass_fds, cwd, environment, *others)
    except Exception:
        # Another multiprocessing than we know.
        return items


def _worker_environment() -> "dict[bytes, bytes]":
    """What the worker shall see, and what brings its agent in and is gone before it sees it."""
    variables = {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}
    paths = variables.get(b"PYTHONPATH")
    here = os.fsencode(os.path.dirname(os.path.abspath(__file__)))
    variables[b"PYTHONPATH"] = here + os.fsencode(os.pathsep) + paths if paths else here
    original = b"empty" if paths == b"" else b""
    below = os.fsencode("".join(_opened_below))
    role = b"keeping worker" if _keeping else b"worker"
    request = b"%d,,%d,%s,%s,%s" % (_channel.fd, _channel.identity[1], original, role, below)
    variables[b"_RELOADER_AGENT"] = request
    return variables


def _remove_distrusted_bytecode() -> None:
    """Spare a worker the list of sources whose bytecode is not to be believed."""
    for path in list(_distrusted):
        try:
            if _remove_bytecode(path):
                _distrusted.discard(path)
        except Exception:  # noqa: S112
            # Odd paths and platforms without bytecode.
            continue


# --- What happened before the hooks, and after -------------------------------------------


def _iter_loaded() -> "list[tuple[str, str, os.stat_result]]":
    """What start-up loaded from disk: by ``.pth`` files, and what is not frozen."""
    letters = (
        (_external.SourceFileLoader, "S"),
        (_external.ExtensionFileLoader, "E"),
        (_external.SourcelessFileLoader, "B"),
    )
    found = []
    for name, module in list(sys.modules.items()):
        try:
            # Not getattr(): it would load a module of importlib.util.LazyLoader.
            spec = object.__getattribute__(module, "__dict__")["__spec__"]
            if spec is None or name in (__name__, "sitecustomize"):
                continue
            for loader, letter in letters:
                if isinstance(spec.loader, loader):
                    found.append((letter, _absolute(spec.origin), os.stat(spec.origin)))
        except Exception:  # noqa: S112
            # Anything can be in sys.modules.
            continue
    for archive in list(getattr(sys.modules.get("zipimport"), "_zip_directory_cache", ())):
        try:
            found.append(("A", _absolute(archive), os.stat(archive)))
        except OSError:
            continue
    return found


def _forget_directory_listings() -> None:
    """Have directories read again that were listed before the wait.

    FileFinder trusts a listing while the directory's time is the same, and the
    kernel's clock for that ticks every few milliseconds only.
    """
    for finder in list(sys.path_importer_cache.values()):
        try:
            invalidate = getattr(finder, "invalidate_caches", None)
            if invalidate is not None:
                invalidate()
        except Exception:
            # Somebody else's finder: it keeps what it has.
            pass


def _report_main_script() -> None:
    """Report what is run by path, before Python reads it."""
    argv = getattr(sys, "argv", None)
    script = argv[0] if argv else ""
    if script in ("", "-", "-c", "-m"):
        return
    try:
        status = _stat(script)
    except OSError:
        if script.endswith(".py"):
            _channel.send(b"M%s\0" % os.fsencode(_absolute(script[:-3])))
        return
    # A directory's __main__ is imported, and reported then.
    if status.st_mode & 0o170000 == 0o100000:
        _report("B" if script.endswith(".pyc") else "S", _absolute(script), status)


def _on_exit(function: "Callable[[], None]") -> None:
    """Register ``function`` as the first, which makes it the last to be called."""
    # Since 3.10 the registry is the interpreter's, no longer the module's (bpo-42639).
    unseen = sys.version_info >= (3, 10)
    atexit = _import_unseen("atexit") if unseen else __import__("atexit")
    atexit.register(function)


def _report_uncaught() -> None:
    """Report the exception that ends the program, which Python printed and left in ``sys``."""
    try:
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        if isinstance(error, BaseException):
            # As Python has printed it. The program is over: an import more costs nobody.
            lines = __import__("traceback").format_exception(
                type(error), error, error.__traceback__
            )
            whole = "".join(lines)[-_MAX_TRACEBACK:]
            for letter, text in (("T", whole), ("X", _describe(error)[:_MAX_TEXT])):
                record = "{}{} {}".format(letter, os.getpid(), text.replace("\0", " ")) + "\0"
                _channel.send(record.encode("utf-8", "backslashreplace"))
    except Exception:
        # Its own __str__ failed: then there is nothing to tell.
        pass


def _describe(error: BaseException) -> str:
    """``TypeError: message (file, line 3)``: the end of the traceback in one line."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    if isinstance(error, SyntaxError):
        message, filename, line = str(error.msg), error.filename, error.lineno
    else:
        message, filename, line = str(error), None, None
        traceback = error.__traceback__
        while traceback is not None:
            where = traceback.tb_frame.f_code.co_filename
            if filename is None or not where.startswith("<frozen "):
                filename, line = where, traceback.tb_lineno
            traceback = traceback.tb_next
    lines = message.splitlines()
    text = f"{name}: {lines[0]}" if lines else name
    return text if filename is None else f"{text} ({filename}, line {line})"
