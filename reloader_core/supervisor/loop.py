"""The supervisor: one loop that receives events, steps the lifecycle and acts on it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import attrs

from reloader_core.agent.protocol import (
    Hello,
    Loaded,
    Missing,
    Record,
    Running,
    Uncaught,
    missing_candidates,
)
from reloader_core.config.schema import Configuration
from reloader_core.model import (
    Change,
    ChangeBatch,
    Child,
    ChildExit,
    Command,
    Decision,
    ReloadReport,
    RestartPlan,
    Stamp,
    WatchRequest,
)
from reloader_core.notices import Level, Notice, Report
from reloader_core.patterns import expand_extra_files
from reloader_core.policy import lifecycle
from reloader_core.policy.verdicts import combine
from reloader_core.supervisor import messages
from reloader_core.supervisor.channel import Channel, SignalReceived
from reloader_core.supervisor.hooks import Hooks
from reloader_core.supervisor.inspector import DiskChanged, Inspector, InspectorFailed
from reloader_core.supervisor.launcher import Launcher
from reloader_core.supervisor.process import ProgramProcess
from reloader_core.supervisor.terminal import is_in_foreground

#: The signals that end the supervisor, where the system has them.
_QUIT_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
    if hasattr(signal, name)
)

#: How a shell says that a signal ended a program: 128 + its number.
_SIGNAL_BASE = 128

#: A program reports hundreds of files while it imports. To be woken for each
#: one would cost the program more than the report itself.
_REPORTS_PAUSE_SECONDS = 0.005

#: A program from which no agent was heard by then has none.
_HELLO_SECONDS = 2.0

#: Files named by the configuration are looked at before the program starts,
#: but a file system that hangs must not keep it from starting.
_BASE_SECONDS = 10.0


@attrs.frozen(kw_only=True)
class _Ended:
    """A process of the program can be reaped."""

    process: ProgramProcess


@attrs.frozen(kw_only=True)
class _Reported:
    """The agent of a process has something to say."""

    process: ProgramProcess


@attrs.define(kw_only=True)
class _Run:
    """One process of the program, from spawn to end."""

    process: ProgramProcess
    child: Child
    error: str | None = None
    is_announced: bool = False
    has_agent: bool = False


@attrs.define(kw_only=True)
class _Cause:
    """Why a restart is under way, and when its stages were reached."""

    changes: dict[str, Change] = attrs.field(factory=dict)
    noticed_at: float
    decided_at: float
    stopped_at: float
    request: str = ""


class Supervisor:
    """Runs a program and keeps it on the code that is on disk.

    :param configuration: what the user wants.
    :param command: the program.
    :param hooks: the plugins.
    :param launcher: starts processes; may have one ready.
    :param make_inspector: builds the inspector around what takes its answers.
    :param report: shows notices; called from several threads.
    """

    def __init__(
        self,
        *,
        configuration: Configuration,
        command: Command,
        hooks: Hooks,
        launcher: Launcher,
        make_inspector: Callable[[Callable[[DiskChanged | InspectorFailed], None]], Inspector],
        report: Report,
    ) -> None:
        self._configuration = configuration
        self._command = command
        self._hooks = hooks
        self._launcher = launcher
        self._report = report
        self._channel = Channel()
        self._inspector = make_inspector(self._channel.post)
        self._state: lifecycle.State = lifecycle.Idle()
        self._run: _Run | None = None
        self._cause: _Cause | None = None
        self._starts = 0
        self._was_complete = True
        self._distrusted: set[str] = set()
        self._deferred: tuple[float, ChangeBatch] | None = None
        self._spawn_error: OSError | None = None
        self._listen_again: tuple[float, ProgramProcess] | None = None
        self._hear_until: tuple[float, _Run] | None = None
        self._has_extra_files = False

    def run(self) -> int:
        """Run the program until it ends or a signal ends it all.

        Must be called in the main thread.

        :returns: the exit code: the program's own, or 128 and the signal's number.
        """
        with self._channel.catching_signals(_QUIT_SIGNALS):
            try:
                self._inspector.start()
                self._watch_extra_files(is_first=True)
                self._step(lifecycle.Begin())
                while not isinstance(self._state, lifecycle.Ended):
                    for event in self._channel.receive(self._deadline()):
                        self._handle(event)
                    self._let_time_pass()
                return self._state.exit_code
            finally:
                self._give_up_everything()

    def _deadline(self) -> float | None:
        deadlines = [lifecycle.deadline(self._state)]
        deadlines += [timer[0] for timer in self._timers() if timer]
        return min((at for at in deadlines if at is not None), default=None)

    def _timers(self) -> tuple[tuple[float, object] | None, ...]:
        return (self._deferred, self._listen_again, self._hear_until)

    def _let_time_pass(self) -> None:
        now = time.monotonic()
        if self._listen_again is not None and now >= self._listen_again[0]:
            self._listen(self._listen_again[1])
        if self._hear_until is not None and now >= self._hear_until[0]:
            self._go_on_without_agent(self._hear_until[1])
        if self._deferred is not None and now >= self._deferred[0]:
            _, batch = self._deferred
            self._deferred = None
            self._decide(batch)
        if not isinstance(self._state, lifecycle.Ended):
            self._step(lifecycle.TimePassed(now=now))

    def _give_up_everything(self) -> None:
        self._launcher.discard()
        if self._run is not None:
            # Only an error of ours leads here with a program alive.
            self._run.process.discard()
        self._inspector.close()
        self._channel.close()

    # Events

    def _handle(self, event: object) -> None:
        if isinstance(self._state, lifecycle.Ended):
            return
        match event:
            case SignalReceived(number=number):
                self._quit(number)
            case _Reported(process=process):
                self._take_reports(process)
            case _Ended(process=process):
                self._reap(process)
            case DiskChanged(batch=batch):
                self._decide(batch)
            case InspectorFailed(error=error):
                raise error
            case _:
                raise AssertionError(f"unknown event {event!r}")

    def _quit(self, number: int) -> None:
        self._tell(Level.DETAIL, "signal", f"got {signal.Signals(number).name}")
        self._step(
            lifecycle.QuitWanted(
                now=time.monotonic(),
                grace_seconds=self._configuration.grace_seconds,
                exit_code=_SIGNAL_BASE + number,
                was_delivered=number != signal.SIGTERM and is_in_foreground(),
            )
        )

    def _listen(self, process: ProgramProcess) -> None:
        """Wait for what the agent of a process has to say."""
        self._listen_again = None
        if process.link is not None:
            self._channel.attach(process.link, lambda: [_Reported(process=process)])

    def _take_reports(self, process: ProgramProcess) -> None:
        records, is_open = process.read_records()
        if process.link is not None:
            self._channel.detach(process.link)
        if is_open:
            self._listen_again = (time.monotonic() + _REPORTS_PAUSE_SECONDS, process)
        run = self._run
        if run is not None and run.process is process:
            self._take_records(run, records)

    def _take_records(self, run: _Run, records: list[Record]) -> None:
        files: list[tuple[str, Stamp | None]] = []
        for record in records:
            match record:
                case Hello():
                    run.has_agent = True
                case Loaded(path=path, stamp=stamp):
                    files.append((path, stamp))
                case Missing(path=path):
                    files.extend((candidate, None) for candidate in missing_candidates(path))
                case Running():
                    self._announce(run)
                case Uncaught(pid=pid, text=text) if pid == run.process.pid:
                    run.error = text
        if files:
            self._inspector.loaded(files)

    def _reap(self, process: ProgramProcess) -> None:
        run = self._run
        returncode = process.poll()
        if run is None or run.process is not process or returncode is None:
            return
        self._take_reports(process)
        now = time.monotonic()
        self._detach(process)
        self._run = None
        is_expected = isinstance(self._state, lifecycle.Stopping | lifecycle.Quitting)
        self._was_complete = is_expected
        if self._cause is not None:
            self._cause.stopped_at = now
        ended = ChildExit(
            child=run.child,
            returncode=returncode,
            error=run.error,
            is_expected=is_expected,
            lived_seconds=now - run.child.started_at,
        )
        self._step(
            lifecycle.Exited(
                pid=process.pid,
                now=now,
                returncode=returncode,
                has_crashed=run.error is not None and returncode != 0,
            ),
            ended,
        )
        self._hooks.child_exited(ended)

    def _detach(self, process: ProgramProcess) -> None:
        self._listen_again = self._hear_until = None
        for descriptor in (process.link, process.exit_descriptor):
            if descriptor is not None:
                self._channel.detach(descriptor)
        process.close()

    # Decisions

    def _decide(self, batch: ChangeBatch) -> None:
        if self._deferred is not None:
            batch = _join(self._deferred[1], batch)
            self._deferred = None
        what = messages.describe_changes(batch.changes, self._configuration.project_root)
        outcome = combine(batch, self._hooks.verdicts(batch))
        said = "; ".join(f"{reason} ({name})" for name, reason in outcome.reasons)
        match outcome.decision:
            case Decision.VETO:
                self._tell(Level.INFO, "vetoed", f"{what}: not restarted: {said}")
            case Decision.DEFER:
                self._deferred = (time.monotonic() + outcome.defer_seconds, batch)
                self._tell(Level.INFO, "deferred", f"{what}: restart put off: {said}")
            case Decision.RELOAD:
                self._want_reload(batch, said)

    def _want_reload(self, batch: ChangeBatch, said: str) -> None:
        now = time.monotonic()
        cause = self._cause
        if cause is None:
            cause = _Cause(noticed_at=batch.noticed_at, decided_at=now, stopped_at=now)
            self._cause = cause
        cause.changes.update((change.path, change) for change in batch.changes)
        cause.request = said
        self._distrusted.update(batch.paths)
        self._step(
            lifecycle.ReloadWanted(now=now, grace_seconds=self._configuration.grace_seconds)
        )

    # Lifecycle

    def _step(self, event: lifecycle.Event, ended: ChildExit | None = None) -> None:
        before = self._state
        self._state, effects = lifecycle.step(before, event)
        if ended is not None:
            self._tell_of_end(ended)
        for effect in effects:
            self._carry_out(effect)

    def _tell_of_end(self, ended: ChildExit) -> None:
        text = messages.ended(self._command.title, ended.returncode, ended.error)
        details = {"returncode": ended.returncode, "error": ended.error}
        match self._state:
            case lifecycle.Waiting():
                self._tell(Level.ERROR, "waiting", f"{text}; waiting for a change", details)
            case lifecycle.Delaying():
                self._tell(Level.WARNING, "delayed", f"{text} again; restarting soon", details)
            case _ if ended.is_expected or not ended.returncode:
                self._tell(Level.DETAIL, "exited", text, details)
            case _:
                self._tell(Level.INFO, "exited", text, details)

    def _carry_out(self, effect: lifecycle.Effect) -> None:
        match effect:
            case lifecycle.Prepare():
                self._launcher.prepare(self._command)
            case lifecycle.Spawn():
                self._spawn()
            case lifecycle.Terminate():
                if self._run is not None:
                    self._run.process.send_signal(signal.SIGTERM)
            case lifecycle.Kill():
                self._kill()
            case lifecycle.AwaitChange():
                self._cause = None
                self._inspector.end_program()

    def _kill(self) -> None:
        if self._run is not None:
            seconds = self._configuration.grace_seconds
            self._tell(
                Level.WARNING,
                "killed",
                f"{self._command.title} did not stop within {seconds:g} s (grace_seconds): killed",
            )
            self._run.process.kill()

    def _spawn(self) -> None:
        self._starts += 1
        if self._starts > 1:
            self._watch_extra_files(is_first=False)
        self._inspector.begin_program(was_complete=self._was_complete)
        plan = RestartPlan(
            command=self._command,
            generation=self._starts,
            changes=tuple(self._cause.changes.values()) if self._cause else (),
            spawn=self._spawn_process,
        )
        self._spawn_error = None
        child = self._hooks.start(plan)
        if child is None or self._run is None:
            why = f": {self._spawn_error}" if self._spawn_error else ""
            text = f"{self._command.title} cannot be started{why}; waiting for a change"
            self._tell(Level.ERROR, "waiting", text)
            self._step(lifecycle.SpawnFailed())
            return
        self._step(lifecycle.Spawned(pid=child.pid, now=child.started_at))
        if not self._run.process.tells_of_its_start:
            self._announce(self._run)

    def _spawn_process(self, *, command: Command | None = None) -> Child:
        """What a plan's ``spawn`` does: start a process, unless this start has one already."""
        if self._run is not None:
            return self._run.child
        try:
            process = self._launcher.launch(command or self._command, self._distrusted)
        except OSError as error:
            self._spawn_error = error
            raise
        self._distrusted.clear()
        child = Child(pid=process.pid, generation=self._starts, started_at=time.monotonic())
        self._run = _Run(process=process, child=child)
        self._listen(process)
        self._hear_until = (time.monotonic() + _HELLO_SECONDS, self._run)
        descriptor = process.await_exit(lambda: self._channel.post(_Ended(process=process)))
        if descriptor is not None:
            self._channel.attach(descriptor, lambda: [_Ended(process=process)])
        return child

    def _announce(self, run: _Run) -> None:
        """The program runs: tell the observers and the user."""
        if run.is_announced:
            return
        run.is_announced = True
        now = time.monotonic()
        cause, self._cause = self._cause, None
        if run.child.generation == 1:
            text = f"{self._command.title} started (pid {run.child.pid})"
            self._tell(Level.DETAIL, "started", text, {"pid": run.child.pid})
        elif cause is None:
            self._tell(Level.INFO, "restarted", f"{self._command.title} restarted as it asked to be")
        self._hooks.child_started(run.child)
        if cause is not None:
            report = self._make_report(run.child, cause, now)
            self._report(messages.restarted(report))
            self._hooks.reload_finished(report)

    def _go_on_without_agent(self, run: _Run) -> None:
        """No agent was heard: whatever runs there is watched through ``extra_files`` only."""
        self._hear_until = None
        if run is not self._run or run.has_agent:
            return
        self._announce(run)
        if run.child.generation == 1 and not self._has_extra_files:
            self._tell(
                Level.WARNING,
                "unwatched",
                f"{self._command.title} is not a Python program that can be looked into, and there"
                " are no extra_files: nothing is watched",
            )

    def _make_report(self, child: Child, cause: _Cause, now: float) -> ReloadReport:
        changes = tuple(cause.changes[path] for path in sorted(cause.changes))
        reason = messages.describe_changes(changes, self._configuration.project_root)
        return ReloadReport(
            child=child,
            changes=changes,
            reason=f"{reason}, {cause.request}" if cause.request else reason,
            noticed_seconds=cause.decided_at - cause.noticed_at,
            stopped_seconds=cause.stopped_at - cause.decided_at,
            started_seconds=now - cause.stopped_at,
        )

    def _watch_extra_files(self, *, is_first: bool) -> None:
        entries = list(self._configuration.extra_files) if is_first else []
        if self._hooks.names_watched_files():
            request = WatchRequest(root=self._configuration.project_root, command=self._command)
            entries += self._hooks.watched_files(request)
        if not entries:
            return
        self._has_extra_files = True
        files, trees = expand_extra_files(
            entries,
            root=self._configuration.project_root,
            exclude=self._configuration.exclude_patterns,
        )
        if not self._inspector.watch_extra(files, trees).wait(_BASE_SECONDS):
            text = "extra_files are not looked at yet: their file system does not answer"
            self._tell(Level.WARNING, "extra_files", text)

    def _tell(
        self, level: Level, event: str, text: str, details: dict[str, object] | None = None
    ) -> None:
        self._report(Notice(level=level, event=event, text=text, details=details or {}))


def _join(first: ChangeBatch, second: ChangeBatch) -> ChangeBatch:
    changes = {change.path: change for change in (*first.changes, *second.changes)}
    return ChangeBatch(
        changes=tuple(changes[path] for path in sorted(changes)), noticed_at=first.noticed_at
    )
