"""The supervisor: one loop that receives events, steps the lifecycle and acts on it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from reloader_core.agent.protocol import Named, Running
from reloader_core.model import ChangeBatch, ChildExit, Command
from reloader_core.notices import Level, Report
from reloader_core.policy import lifecycle
from reloader_core.supervisor import messages
from reloader_core.supervisor.beginnings import Beginnings
from reloader_core.supervisor.cause import Cause, RestartAsked
from reloader_core.supervisor.channel import Channel, Due, SignalReceived
from reloader_core.supervisor.child.program import (
    Exited,
    ListenAgain,
    NothingHeard,
    Program,
    Reported,
    Run,
)
from reloader_core.supervisor.child.terminal import is_in_foreground
from reloader_core.supervisor.control.desk import Desk
from reloader_core.supervisor.control.status import History
from reloader_core.supervisor.conversations import Conversations
from reloader_core.supervisor.decisions import AskAgain, Decisions
from reloader_core.supervisor.endings import Endings
from reloader_core.supervisor.holds import Holds
from reloader_core.supervisor.keyboard import Keyboard
from reloader_core.supervisor.prompts import Prompts
from reloader_core.supervisor.records import Records
from reloader_core.supervisor.renewal import Legacy, Prepared, Renewal
from reloader_core.supervisor.signals import ENDING_SIGNALS, Meaning, SignalMeanings
from reloader_core.supervisor.starter import Starter
from reloader_core.supervisor.watch.answers import (
    Answer,
    ChangesHeld,
    ChangesOnHold,
    Checked,
    DiskChanged,
    InspectorFailed,
    LockWaitedFor,
    Unsettled,
    Verified,
)
from reloader_core.supervisor.watch.extra_files import ExtraFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.config.schema import Configuration
    from reloader_core.supervisor.child.launcher import Launcher
    from reloader_core.supervisor.child.process import ProgramProcess
    from reloader_core.supervisor.child.terminal import Terminal
    from reloader_core.supervisor.hooks import Hooks
    from reloader_core.supervisor.watch.inspector import Inspector

#: A start is put off this long at most because code is half done on disk.
_LONGEST_UNSETTLED_SECONDS = 10.0

#: How a shell says that a signal ended a program: 128 + its number.
_SIGNAL_BASE = 128


class Supervisor:
    """Runs a program and keeps it on the code that is on disk.

    :param configuration: what the user wants.
    :param command: the program.
    :param hooks: the plugins.
    :param launcher: starts processes; may have one ready.
    :param channel: where all events come from; the caller closes it.
    :param make_inspector: builds the inspector around what takes its answers.
    :param signals: what signals mean.
    :param terminal: noted before the first program.
    :param renewal: looks at a changed configuration.
    :param legacy: of the supervisor in whose place this one is, if it is not the first.
    :param report: shows notices; called from several threads.
    """

    def __init__(
        self,
        *,
        configuration: Configuration,
        command: Command,
        hooks: Hooks,
        launcher: Launcher,
        channel: Channel,
        make_inspector: Callable[[Callable[[Answer], None]], Inspector],
        signals: SignalMeanings,
        terminal: Terminal,
        renewal: Renewal,
        legacy: Legacy | None,
        report: Report,
    ) -> None:
        self._configuration = configuration
        self._command = command
        self._hooks = hooks
        self._launcher = launcher
        self._signals = signals
        self._report = report
        self._tell = messages.make_tell(report)
        self._channel = channel
        self._program = Program(launcher, self._channel)
        self._inspector = make_inspector(self._channel.post)
        self._extra_files = ExtraFiles(
            configuration=configuration,
            command=command,
            hooks=hooks,
            inspector=self._inspector,
            tell=self._tell,
        )
        self._records = Records(
            configuration,
            command,
            self._inspector,
            is_extra=self._extra_files.has,
            of_interest=renewal.files,
        )
        self._starter = Starter(
            command=command,
            program=self._program,
            inspector=self._inspector,
            extra_files=self._extra_files,
            hooks=hooks,
            wake=self._channel.wake,
        )
        self._decisions = Decisions(
            hooks=hooks,
            channel=self._channel,
            root=configuration.project_root,
            tell=self._tell,
            reload=self._reload,
        )
        self._conversations = Conversations(
            channel=self._channel,
            extra_files=self._extra_files,
            decide=self._decisions.decide,
            root=configuration.project_root,
            tell=self._tell,
        )
        self._holds = Holds(self._inspector, root=configuration.project_root, tell=self._tell)
        self._endings = Endings(
            configuration,
            title=command.title,
            is_hangup_ignored=signals.is_hangup_ignored,
            tell=self._tell,
        )
        self._prompts = Prompts(
            channel,
            self._holds,
            title=command.title,
            is_holding=configuration.hold_in_debugger,
        )
        self._terminal = terminal
        self._keyboard = Keyboard(
            channel,
            is_program_alive=lambda: self._program.run is not None,
            is_at_prompt=lambda: bool(self._prompts),
        )
        history = History() if legacy is None else legacy.history
        self._beginnings = Beginnings(
            title=command.title,
            root=configuration.project_root,
            hooks=hooks,
            kept=launcher.kept,
            notify=launcher.notify,
            channel=channel,
            history=history,
            report=report,
        )
        self._desk = Desk(
            channel=channel,
            program=self._program,
            inspector=self._inspector,
            holds=self._holds,
            decisions=self._decisions,
            conversations=self._conversations,
            readiness=self._beginnings.readiness,
            history=history,
            title=command.title,
            project_root=configuration.project_root,
            take_reports=self._take_all_reports,
            tell=self._tell,
        )
        self._state: lifecycle.State = lifecycle.Idle()
        self._cause: Cause | None = None
        self._renewal = renewal
        self._prepared: Prepared | None = None
        if legacy is not None:
            self._take_legacy(legacy)

    def _take_legacy(self, legacy: Legacy) -> None:
        self._starter.starts = legacy.starts
        self._starter.distrust(legacy.distrusted)
        self._cause = legacy.cause

    def make_successor(self) -> Supervisor:
        """The supervisor that goes on after :meth:`run` has returned ``None``."""
        assert self._prepared is not None
        return self._prepared.take_over(
            Legacy(
                starts=self._starter.starts,
                distrusted=self._starter.distrusted,
                cause=self._cause,
                history=self._desk.history,
            )
        )

    def run(self) -> int | None:
        """Run the program until it ends or a signal ends it all.

        Must be called in the main thread.

        :returns: the exit code: the program's own, or 128 and the signal's number; ``None``
            if the configuration has changed, and another one is to go on.
        """
        with self._channel.catching_signals(self._signals.numbers):
            try:
                self._inspector.start()
                self._inspector.watch_read(self._renewal.stamps)
                self._step(lifecycle.Begin(starts=self._starter.starts))
                self._beginnings.open()
                self._desk.open()
                if self._configuration.restart_on_enter:
                    self._keyboard.open()
                while not isinstance(self._state, lifecycle.Ended):
                    self._turn()
                return self._state.exit_code
            finally:
                is_to_go_on = self._state == lifecycle.Ended(exit_code=None)
                if self._prepared is not None and not is_to_go_on:
                    self._prepared.give_up()
                self._desk.close()
                self._beginnings.close()
                self._conversations.end_program()
                self._keyboard.close()
                self._program.abandon()
                self._terminal.restore()
                self._inspector.close()
                self._hooks.close()

    def _turn(self) -> None:
        for event in self._channel.receive(lifecycle.deadline(self._state)):
            if isinstance(self._state, lifecycle.Ended):
                return
            self._handle(event)
        if not isinstance(self._state, lifecycle.Ended):
            self._step(lifecycle.TimePassed(now=time.monotonic()))
        self._beginnings.look_for_readiness(self._program.run)
        self._desk.look(self._state, self._starter.starts)

    # Events

    def _handle(self, event: object) -> None:
        match event:
            case SignalReceived(number=number):
                self._take_signal(number)
            case Reported(process=process):
                self._take_reports(process)
            case ListenAgain(process=process):
                self._program.listen(process)
            case NothingHeard(process=process):
                self._go_on_without_agent(process)
            case Exited(process=process):
                self._reap(process)
            case DiskChanged():
                self._take_changes(event)
            case ChangesHeld():
                self._hold(event)
            case ChangesOnHold(changes=changes):
                self._starter.distrust(change.path for change in changes)
                self._holds.tell_of(changes)
            case Unsettled(is_unsettled=is_unsettled):
                now = time.monotonic()
                until = now + _LONGEST_UNSETTLED_SECONDS if is_unsettled else now
                self._step(lifecycle.ChangesExpected(until=until))
            case Verified(can_start=can_start):
                self._step(lifecycle.Verified(can_start=can_start))
            case LockWaitedFor(path=path, is_abandoned=is_abandoned):
                root = self._configuration.project_root
                self._report(messages.lock(path, root, is_abandoned=is_abandoned))
            case Checked():
                self._desk.take_answer(event)
            case Due(take=take):
                take()
            case RestartAsked(why=why):
                self._restart(time.monotonic(), why)
            case AskAgain():
                self._decisions.ask_again()
            case InspectorFailed(error=error):
                raise error
            case _:
                raise AssertionError(f"unknown event {event!r}")

    def _take_changes(self, changed: DiskChanged) -> None:
        batch, run = changed.batch, self._program.run
        # Also if no restart follows now: a later one must not believe the bytecode either.
        self._starter.distrust(batch.paths)
        if not self._renewal.files.isdisjoint(batch.paths):
            self._look_at_configuration(batch)
            rest = self._renewal.leave_out(batch, concerns_program=self._concerns_program)
            if rest is None or self._prepared is not None:
                return
            batch = rest
        if (
            run is not None
            and changed.generation < run.child.generation
            and changed.confirmed_at < run.child.started_at
        ):
            # Said before the program that runs now was started: it has them.
            return
        if self._records.may_explain_changes and run is not None:
            # The program says first that it writes a file, and then writes it.
            self._take_reports(run.process)
        others = self._records.leave_out_written(batch)
        if others is not None:
            self._conversations.consider(others)

    def _concerns_program(self, path: str) -> bool:
        """Whether a file of the configuration is one of the program's, too."""
        return path in self._records.known or self._extra_files.has(path)

    def _look_at_configuration(self, batch: ChangeBatch) -> None:
        """Go on by the new configuration, if it is one and nothing is wrong with it."""
        earlier, self._prepared = self._prepared, None
        if earlier is not None:
            earlier.give_up()
        prepared = self._renewal.look(is_under_way=earlier is not None)
        if prepared is None:
            return
        self._prepared = prepared
        now = time.monotonic()
        self._cause = self._cause or Cause(
            noticed_at=batch.noticed_at, decided_at=now, stopped_at=now
        )
        self._cause.said = prepared.reason
        self._step(
            lifecycle.QuitWanted(
                now=now,
                grace_seconds=self._configuration.grace_seconds,
                exit_code=None,
                was_delivered=False,
            )
        )

    def _hold(self, held: ChangesHeld) -> None:
        """Tell what does not compile, and that the old code goes on until it does."""
        # Should the program start for another reason, it must not believe them either.
        self._starter.distrust(held.paths)
        goes_on = None if self._program.run is None else self._command.title
        for fault in held.faults:
            self._report(messages.held(fault, self._configuration.project_root, goes_on=goes_on))
        self._desk.history.error = "\n".join(fault.text for fault in held.faults) or None
        if not held.faults:
            self._tell(Level.INFO, "undone", "what did not compile was undone: nothing to restart")

    def _take_signal(self, number: int) -> None:
        name = signal.Signals(number).name
        self._tell(Level.DETAIL, "signal", f"got {name}", {"signal": name})
        process = None if self._program.run is None else self._program.run.process
        match self._signals.meaning_of(number):
            case Meaning.QUIT:
                self._quit(number)
            case Meaning.RESTART:
                self._restart(time.monotonic(), f"got {name}")
            case Meaning.PASS_ON if process is not None and not _was_told_by_terminal(number):
                process.send_signal(number)
            case Meaning.SUSPEND:
                if process is not None:
                    process.send_signal_to_all(number)
                if sys.platform != "win32":
                    os.kill(os.getpid(), signal.SIGSTOP)
            case Meaning.RESUME if process is not None:
                process.send_signal_to_all(number)
            case _:
                pass  # there is nobody whom it could concern

    def _quit(self, number: int) -> None:
        self._step(
            lifecycle.QuitWanted(
                now=time.monotonic(),
                grace_seconds=self._configuration.grace_seconds,
                exit_code=_SIGNAL_BASE + number,
                was_delivered=number != signal.SIGTERM and is_in_foreground(),
            )
        )

    def _take_all_reports(self) -> None:
        """Have all that the program has loaded by now known to the inspector."""
        if self._program.run is not None:
            self._take_reports(self._program.run.process)

    def _take_reports(self, process: ProgramProcess) -> None:
        records = self._program.read_reports(process)
        run = self._program.run
        if run is not None and records:
            if any(isinstance(record, Running) for record in records):
                self._announce(run)
            self._beginnings.readiness.learn(records, time.monotonic())
            self._prompts.learn(records)
            self._beginnings.tell_of_adapted(records)
            if named := [record.entry for record in records if isinstance(record, Named)]:
                self._extra_files.add(named)
            self._conversations.begin(process.take_offered())
            self._records.take(records)

    def _reap(self, process: ProgramProcess) -> None:
        self._take_reports(process)
        reaped = self._program.reap(process)
        if reaped is None:
            self._endings.tell_of_left(process)
            return
        run, returncode = reaped
        self._beginnings.finish()
        self._terminal.restore()
        self._prompts.end_program()
        now = time.monotonic()
        is_expected = isinstance(self._state, lifecycle.Stopping | lifecycle.Quitting)
        lived_seconds = now - run.child.started_at
        self._starter.note_end(is_expected=is_expected, lived_seconds=lived_seconds)
        if self._cause is not None:
            self._cause.stopped_at = now
        ended = ChildExit(
            child=run.child,
            returncode=returncode,
            error=run.error,
            is_expected=is_expected,
            lived_seconds=lived_seconds,
        )
        if why := self._endings.why_to_go_on(process, returncode):
            self._cause = Cause(noticed_at=now, decided_at=now, stopped_at=now, said=why)
        exited = lifecycle.Exited(
            pid=process.pid,
            now=now,
            returncode=returncode,
            has_crashed=run.error is not None and returncode != 0,
            was_told_to=-returncode in ENDING_SIGNALS,
            is_to_go_on=bool(why),
        )
        self._state, effects = lifecycle.step(self._state, exited)
        text = self._endings.tell_of_end(ended, self._state, waiting=self._waiting())
        if isinstance(self._state, lifecycle.Waiting):
            self._desk.history.error = run.traceback or text
        self._endings.tell_of_rest(process)
        self._hooks.child_exited(ended)
        self._carry_out(effects)
        undecided = self._conversations.end_program()
        if isinstance(self._state, lifecycle.Waiting):
            self._records.doubt_directory(run, ended)
            if undecided is not None:
                self._decisions.decide(undecided)

    def _waiting(self) -> str:
        """What the user can do about a program that does not run."""
        hint = " (Enter starts it again)" if self._keyboard.is_open else ""
        return f"waiting for a change{hint}"

    def _reload(self, batch: ChangeBatch, said: str) -> None:
        self._restart(batch.noticed_at, said, batch)

    def _restart(self, noticed_at: float, said: str, batch: ChangeBatch | None = None) -> None:
        now = time.monotonic()
        if self._cause is None:
            self._cause = Cause(noticed_at=noticed_at, decided_at=now, stopped_at=now)
        if batch is not None:
            self._cause.add(batch)
        self._cause.said = said
        self._step(
            lifecycle.ReloadWanted(
                now=now,
                grace_seconds=self._configuration.grace_seconds,
                paths=frozenset(batch.paths if batch else ()),
            )
        )

    # Lifecycle

    def _step(self, event: lifecycle.Event) -> None:
        self._state, effects = lifecycle.step(self._state, event)
        self._carry_out(effects)

    def _carry_out(self, effects: tuple[lifecycle.Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case lifecycle.Prepare():
                    self._launcher.prepare(self._command.invocation)
                case lifecycle.Spawn():
                    self._spawn()
                case lifecycle.Terminate():
                    number = signal.Signals[self._configuration.stop_signal]
                    self._current.process.ask_to_end(number)
                case lifecycle.Kill(was_asked_twice=was_asked_twice):
                    self._kill(was_asked_twice=was_asked_twice)
                case lifecycle.Verify():
                    self._inspector.verify()
                case lifecycle.AwaitChange():
                    self._cause = None
                    self._inspector.end_program()
                    self._keyboard.look()

    @property
    def _current(self) -> Run:
        """The run of the program that the lifecycle says is alive."""
        assert self._program.run is not None
        return self._program.run

    def _kill(self, *, was_asked_twice: bool) -> None:
        if not was_asked_twice:
            self._endings.tell_of_kill(self._current.process)
        self._current.process.kill()

    def _spawn(self) -> None:
        if self._starter.starts:  # the first one may run already
            self._terminal.note()
        self._beginnings.readiness.begin_program(time.monotonic())
        run = self._starter.start(self._cause.changes if self._cause else ())
        if run is None and self._channel.is_quitting:
            # Nothing was started any more, and nothing will be.
            self._step(lifecycle.SpawnFailed())
            return
        if run is None:
            why = f": {error}" if (error := self._starter.error) else ""
            text = f"{self._command.title} cannot be started{why}; {self._waiting()}"
            self._tell(Level.ERROR, "waiting", text)
            self._desk.history.error = text
            self._step(lifecycle.SpawnFailed())
            self._starter.await_repair()
            return
        self._step(lifecycle.Spawned(pid=run.process.pid, now=run.child.started_at))
        if not run.process.tells_of_its_start:
            self._announce(run)

    def _go_on_without_agent(self, process: ProgramProcess) -> None:
        """Whatever runs there is watched through ``extra_files`` only."""
        run = self._program.run
        if run is not None and run.process is process and not run.has_agent:
            self._announce(run)
            self._beginnings.tell_of_no_agent(
                run, is_anything_watched=not self._extra_files.is_empty
            )

    def _announce(self, run: Run) -> None:
        """The program runs: tell the observers and the user."""
        if not run.is_announced:
            run.is_announced = True
            self._desk.history.error = None
            cause, self._cause = self._cause, None
            self._beginnings.tell(run, cause)


def _was_told_by_terminal(number: int) -> bool:
    """Whether the program has heard of a new size of the window from the terminal itself."""
    return number == getattr(signal, "SIGWINCH", None) and is_in_foreground()
