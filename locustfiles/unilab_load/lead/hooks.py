"""Locust's events: its command line and page start and end a run, as one process or as master of workers."""

from __future__ import annotations

import logging
import sys
from typing import Any

import gevent
import locust
from locust import events, runners, stats
from locust.util.timespan import parse_timespan

from unilab_load.lead.liveness import Ending
from unilab_load.lead.load_run import LoadRun
from unilab_load.lead.locustfile import check_shape, check_user_classes, locustfile_of
from unilab_load.lead.options import LoadOptions, add_options, make_folder, read_options
from unilab_load.lead.reference import load_reference, only_sent, with_requests
from unilab_load.lead.workers import END, REPORT, START, LocalRunner, LocustWorkers, Workers
from unilab_load.worker.locust_statistics import LocustStatistics
from unilab_load.worker.messages import Order
from unilab_load.worker.plan import InputError
from unilab_load.worker.worker import Worker

_EXIT_NOT_COMPLETED = 1
_EXIT_BAD_INPUT = 2
_WORKER_REPORT_S = 1.0
_PAGE_SPAWN_RATE = 100
_LOG = logging.getLogger(__name__)
TOOL = f"locust {locust.__version__} FastUser"


def install(user_class: Any) -> None:
    """Listen to Locust's events. ``user_class`` is the base of all user classes that can be loaded."""

    @events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
    def _add_options(parser: Any, **_: Any) -> None:
        add_options(parser)

    @events.init.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
    def _prepare(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
        if not isinstance(runner, runners.MasterRunner):
            environment.unilab_worker = Worker(LocustStatistics(environment.stats))
        if isinstance(runner, runners.WorkerRunner):
            _serve_master(environment, runner)
        else:
            _Lead(environment, runner, web_ui, user_class)


def _serve_master(environment: Any, runner: Any) -> None:
    """Let this process make load for a master elsewhere."""
    worker: Worker = environment.unilab_worker
    # Locust's own three seconds would leave the master without news for as long.
    runners.WORKER_REPORT_INTERVAL = _WORKER_REPORT_S

    def run(order: Order) -> None:
        worker.run(order)
        runner._send_stats()

    def start(msg: Any, **_: Any) -> None:
        gevent.spawn(run, Order.from_message(msg.data))

    def report(data: dict[str, Any], **_: Any) -> None:
        latest = worker.report()
        data[REPORT] = latest and latest.to_message()

    # Not by Locust's `concurrent`: its versions call such a listener with different arguments.
    runner.register_message(START, start)
    runner.register_message(END, lambda **_: worker.end())
    environment.events.report_to_master.add_listener(report)


class _Lead:
    """This process leads the runs: one without Locust's page, any number with it."""

    def __init__(self, environment: Any, runner: Any, web_ui: Any, user_class: Any) -> None:
        self._environment, self._runner, self._user_class = environment, runner, user_class
        self._parsed = environment.parsed_options
        self._page = web_ui is not None
        self._current: LoadRun | None = None
        self._bad_input = False
        master = isinstance(runner, runners.MasterRunner)
        self._workers: Workers = (
            LocustWorkers(runner) if master else LocalRunner(runner, environment.unilab_worker)
        )
        self._run_time_s: float | None = None
        self._take_over_the_clock(web_ui)
        self._check_at_once()
        environment.events.test_start.add_listener(lambda **_: gevent.spawn(self._lead))
        environment.events.test_stopping.add_listener(self._interrupted)
        environment.events.quitting.add_listener(self._interrupted)
        environment.events.quit.add_listener(self._print_summary)

    def _take_over_the_clock(self, web_ui: Any) -> None:
        """Keep Locust from ending a run at --run-time: our window has this length, after the warm-up."""
        parsed = self._parsed
        if web_ui is None or parsed.autostart:
            self._run_time_s, parsed.run_time = _seconds(parsed.run_time), None
        if web_ui is None:
            # All users start together, once the target is checked: there is no reason to start them slowly.
            parsed.num_users = 1 if parsed.num_users is None else parsed.num_users
            parsed.spawn_rate = parsed.spawn_rate or max(1, parsed.num_users)
        else:
            web_ui._stop_runners = lambda: None
            parsed.spawn_rate = parsed.spawn_rate or _PAGE_SPAWN_RATE

    def _check_at_once(self) -> None:
        """Refuse bad input before Locust starts anything; what the page may still change is checked later."""
        try:
            if self._page:
                check_shape(self._environment.shape_class)
                if not self._parsed.class_picker:
                    check_user_classes(self._environment.user_classes, self._user_class)
            else:
                # The run reads the options again, after Locust has filtered tasks by tags.
                self._parsed.output = str(self._read().options.output)
        except InputError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(_EXIT_BAD_INPUT)

    def _read(self) -> LoadRun:
        """Return the run that the options and the locustfile describe. Raises InputError."""
        environment, parsed = self._environment, self._parsed
        classes = environment.user_classes
        check_shape(environment.shape_class)
        check_user_classes(classes, self._user_class)
        run_time_s = _seconds(parsed.run_time) or self._run_time_s
        options: LoadOptions = read_options(
            parsed,
            host=environment.host or next((kind.host for kind in classes if kind.host), None),
            # Known once Locust has started: its versions store the page's number in different places.
            users=self._runner.target_user_count or parsed.num_users or 0,
            run_time_s=run_time_s,
            locustfile=locustfile_of(classes),
        )
        reference = load_reference(options.responses, options.parameters or {})
        reference = with_requests(reference, classes, options.responses)
        make_folder(options.output)
        return LoadRun(
            options,
            reference=reference,
            sent=only_sent(reference, classes),
            workers=self._workers,
            tool=TOOL,
            spawn_s=options.users / (parsed.spawn_rate or 1),
        )

    def _lead(self) -> None:
        run: LoadRun | None = None
        try:
            run = self._current = self._read()
            # The files of an earlier run must not be taken for this one's.
            for name in ("load.json", "latency.hlog"):
                (run.options.output / name).unlink(missing_ok=True)
            run.supervise()
        except InputError as error:
            self._bad_input = True
            _LOG.error("%s", error)
        except Exception as error:
            if run is not None:
                run.finish(Ending("invalid", f"the load generator failed: {error!r}"))
            raise
        finally:
            self._stop()

    def _stop(self) -> None:
        parsed = self._parsed
        if parsed.csv_prefix:
            # Locust writes its files by the clock and not at the end.
            gevent.sleep(2 * stats.CSV_STATS_INTERVAL_SEC)
        if self._page:
            self._runner.stop()
            for line in self._summary():
                _LOG.info(line)
            if not parsed.autostart or parsed.autoquit == -1:
                return  # the next run may be started on the page
            gevent.sleep(parsed.autoquit)
            self._environment.web_ui.stop()
        self._runner.quit()

    def _interrupted(self, **_: Any) -> None:
        run = self._current
        if run is not None:
            run.finish(Ending("invalid", "interrupted"))
        completed = run is not None and run.ending is not None and run.ending.state == "completed"
        nothing_started = self._page and run is None
        code = 0 if completed or nothing_started else _EXIT_NOT_COMPLETED
        self._environment.process_exit_code = _EXIT_BAD_INPUT if self._bad_input else code

    def _summary(self) -> list[str]:
        return [] if self._current is None else self._current.summary

    def _print_summary(self, **_: Any) -> None:
        """At the very end, below the tables that Locust prints."""
        if not self._page:
            sys.stdout.writelines(f"{line}\n" for line in self._summary())
            sys.stdout.flush()


def _seconds(run_time: Any) -> float | None:
    """Locust's --run-time in seconds: its versions hand over the text or the number."""
    if run_time in (None, "", 0):
        return None
    try:
        return float(parse_timespan(run_time) if isinstance(run_time, str) else run_time)
    except ValueError:
        raise InputError(
            "--run-time", f"'{run_time}' is no length of time", "give it such as 10s or 1m30s"
        ) from None
