"""How Locust starts and ends a run: in one process, or as a master of workers."""

from __future__ import annotations

import sys
from typing import Any

import gevent
import locust
from locust import events, runners, stats

from unilab_load.lead.liveness import Ending
from unilab_load.lead.load_run import LoadRun
from unilab_load.lead.options import OptionError, add_options, read_options
from unilab_load.lead.reference import load_reference, only_sent, with_requests
from unilab_load.lead.workers import END, REPORT, START, LocalRunner, LocustWorkers
from unilab_load.worker.locust_statistics import LocustStatistics
from unilab_load.worker.messages import Order
from unilab_load.worker.worker import Worker

_EXIT_NOT_COMPLETED = 1
_EXIT_BAD_INPUT = 2
_WORKER_REPORT_S = 1.0
TOOL = f"locust {locust.__version__} FastUser"


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
def _add_options(parser: Any, **_: Any) -> None:
    add_options(parser)


@events.init.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
def _prepare(environment: Any, runner: Any, **_: Any) -> None:
    if not isinstance(runner, runners.MasterRunner):
        environment.unilab_worker = Worker(LocustStatistics(environment.stats))
    if isinstance(runner, runners.WorkerRunner):
        _obey_master(environment, runner)
    else:
        _take_charge(environment, runner)


def _obey_master(environment: Any, runner: Any) -> None:
    """This process makes load for a master elsewhere."""
    worker: Worker = environment.unilab_worker
    # Locust's own three seconds would leave the master blind for as long.
    runners.WORKER_REPORT_INTERVAL = _WORKER_REPORT_S

    def obey(order: Order) -> None:
        worker.run(order)
        runner._send_stats()

    def start(msg: Any, **_: Any) -> None:
        gevent.spawn(obey, Order.from_message(msg.data))

    def report(data: dict[str, Any], **_: Any) -> None:
        told = worker.report()
        data[REPORT] = told and told.to_message()

    # Not by Locust's `concurrent`: its versions call such a listener with different arguments.
    runner.register_message(START, start)
    runner.register_message(END, lambda **_: worker.end())
    environment.events.report_to_master.add_listener(report)


def _take_charge(environment: Any, runner: Any) -> None:
    """This process leads the run: alone, or with workers."""
    parsed = environment.parsed_options
    try:
        options = read_options(parsed)
        reference = load_reference(options.responses, options.array_length)
        reference = with_requests(reference, environment.user_classes, options.responses)
        if not options.tells_identity:
            reference = only_sent(reference, environment.user_classes)
    except OptionError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_EXIT_BAD_INPUT)
    # All users start together, once the target is checked: there is no reason to spawn them slowly.
    parsed.spawn_rate = parsed.spawn_rate or options.users
    master = isinstance(runner, runners.MasterRunner)
    workers = LocustWorkers(runner) if master else LocalRunner(runner, environment.unilab_worker)
    current: list[LoadRun] = []

    def lead() -> None:
        # What an earlier run left here must not pass for this one's.
        for name in ("load.json", "latency.hlog"):
            (options.output / name).unlink(missing_ok=True)
        run = LoadRun(options, reference, workers, TOOL)
        current[:] = [run]
        try:
            run.supervise()
        except Exception as error:
            run.finish(Ending("invalid", f"the load generator failed: {error!r}"))
            raise
        finally:
            if parsed.csv_prefix:
                # Locust writes its files by the clock and not at the end.
                gevent.sleep(2 * stats.CSV_STATS_INTERVAL_SEC)
            # With Locust's web page the next run may be started there.
            (runner.quit if parsed.headless else runner.stop)()

    def interrupted(**_: Any) -> None:
        for run in current:
            run.finish(Ending("invalid", "interrupted"))
        completed = any(run.ending is not None and run.ending.state == "completed" for run in current)
        environment.process_exit_code = 0 if completed else _EXIT_NOT_COMPLETED

    environment.events.test_start.add_listener(lambda **_: gevent.spawn(lead))
    environment.events.test_stopping.add_listener(interrupted)
    environment.events.quitting.add_listener(interrupted)
