"""The load generator's parts, one by one and without a process or a socket."""

from __future__ import annotations

import gc
import itertools
import math
import tracemalloc
from array import array
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack
import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given
from hypothesis import strategies as st

S = 1_000_000_000
Load = Callable[[str], Any]


# Responses: the bytes, and the status, the body and keep_alive that they mean.

_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello\r\nworld"
_CHUNKED = (
    b"HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n7;x=y\r\n\r\nworld\r\n0\r\nT: 1\r\n\r\n"
)
_CLOSING = b"HTTP/1.1 500 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"
_OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
_EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
_ENDED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end"

FRAMED = [
    (_LENGTH, 200, b"hello\r\nworld", True),
    (_CHUNKED, 201, b"hello\r\nworld", True),
    (_CLOSING, 500, b"no", False),
    (_OLD, 200, b"ok", False),
    (_EMPTY, 204, b"", True),
]


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted({cut % len(data) for cut in cuts} - {0}), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(at)]


_CUTS = st.lists(st.integers(0, 1000), max_size=12)


@given(response=st.sampled_from(FRAMED), cuts=_CUTS)
def test_any_split_of_a_response_is_the_same_response(
    response: tuple[bytes, int, bytes, bool], cuts: list[int], load: Load
) -> None:
    data, status, body, keep_alive = response
    reader = load("response").ResponseReader(100)
    *first, last = _split(data, cuts)
    assert not any(reader.feed(piece) for piece in first)
    assert reader.feed(last) is True
    assert (reader.status, reader.body, reader.keep_alive) == (status, body, keep_alive)


@given(cuts=_CUTS)
def test_a_response_without_a_length_is_whole_at_the_end(cuts: list[int], load: Load) -> None:
    reader = load("response").ResponseReader(100)
    assert not any(reader.feed(piece) for piece in _split(_ENDED, cuts))
    assert reader.end() is True
    assert (reader.status, reader.body, reader.keep_alive) == (200, b"until the end", False)


@given(response=st.sampled_from([_LENGTH, _CHUNKED]), cut=st.integers(0, 1000))
def test_a_framed_response_that_ends_early_is_not_whole(response: bytes, cut: int, load: Load) -> None:
    reader = load("response").ResponseReader(100)
    assert reader.feed(response[: cut % len(response)]) is False
    assert reader.end() is False


def test_one_reader_takes_one_response_after_another(load: Load) -> None:
    reader = load("response").ResponseReader(100)
    for data, status, body in [(_LENGTH, 200, b"hello\r\nworld"), (_CHUNKED, 201, b"hello\r\nworld")] * 2:
        assert reader.feed(data) and (reader.status, reader.body) == (status, body)
        reader.reset()


@given(
    response=st.sampled_from([data for data, *_ in FRAMED]),
    surplus=st.one_of(
        st.binary(min_size=1, max_size=40),
        st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\0", b"H", b"\r\n\r\n", _LENGTH, _EMPTY]),
    ),
)
def test_surplus_bytes_are_no_answer(response: bytes, surplus: bytes, load: Load) -> None:
    module = load("response")
    with pytest.raises(module.MalformedResponse):
        module.ResponseReader(100).feed(response + surplus)


@given(surplus=st.sampled_from([b"\r\n", b"\n", b"\r", b"x"]), data=st.sampled_from([_LENGTH, _CHUNKED]))
def test_bytes_before_a_response_are_no_answer(surplus: bytes, data: bytes, load: Load) -> None:
    module = load("response")
    with pytest.raises(module.MalformedResponse):
        module.ResponseReader(100).feed(surplus + data)


@given(garbage=st.binary(min_size=1, max_size=200))
def test_garbage_is_no_answer(garbage: bytes, load: Load) -> None:
    module = load("response")
    reader = module.ResponseReader(100)
    try:
        whole = reader.feed(garbage)
    except module.MalformedResponse:
        return
    assert not whole and not reader.end()


@pytest.mark.parametrize(
    "data",
    [
        _LENGTH.replace(b"Length: 12", b"Length: 5"),
        _LENGTH.replace(b"Length: 12", b"Length: 11"),
        _LENGTH.replace(b"Length: 12", b"Length: twelve"),
        _LENGTH.replace(b"Length: 12", b"Length: -1"),
        _LENGTH.replace(b"\r\n\r\n", b"\r\nContent-Length: 11\r\n\r\n", 1),
        _CHUNKED.replace(b"5\r\n", b"4\r\n", 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 66_000,
        b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_malformed_responses_are_refused(data: bytes, load: Load) -> None:
    module = load("response")
    with pytest.raises(module.MalformedResponse):
        module.ResponseReader(100).feed(data)


# Requests.


def test_a_request_goes_over_the_wire_as_written(load: Load) -> None:
    request = load("request")
    assert request.get("/a?b=1").wire("h:1", True) == b"GET /a?b=1 HTTP/1.1\r\nHost: h:1\r\n\r\n"
    assert (
        request.post("/a", b"\0\xff", headers={"X-Y": "z"}).wire("h:1", False)
        == b"POST /a HTTP/1.1\r\nHost: h:1\r\nX-Y: z\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\0\xff"
    )
    given = request.get("/a", headers={"host": "other"}).wire("h:1", True)
    assert given == b"GET /a HTTP/1.1\r\nhost: other\r\n\r\n"
    assert b"Content-Length: 0\r\n" in request.put("/a", b"").wire("h:1", True)
    assert request.delete("/a").wire("h:1", True).startswith(b"DELETE /a HTTP/1.1\r\n")
    assert (request.get("/a").__name__, request.get("/a", name="b").__name__) == ("/a", "b")
    assert request.get("/a", weight=3).locust_task_weight == 3


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("HEAD", "/"), {}, "HEAD is not supported"),
        (("GET", "todos"), {}, "must start with /"),
        (("GET", ""), {}, "must start with /"),
        (("GET", "/a b"), {}, "white space"),
        (("GET", "/a\r\nX: y"), {}, "white space"),
        (("GET", "/"), {"weight": 0}, "weight 0"),
        (("GET", "/"), {"headers": {"A": "b\r\nC: d"}}, "line break"),
        (("GET", "/"), {"headers": {"A\n": "b"}}, "line break"),
    ],
)
def test_bad_requests_are_refused(
    arguments: tuple[str, str], options: dict[str, Any], message: str, load: Load
) -> None:
    with pytest.raises(ValueError, match=message):
        load("request").Request(*arguments, **options)


# Schedules.


def test_constant_arrivals_are_exact(load: Load) -> None:
    due = load("schedule").due_times_s("constant", 250.0)
    assert list(itertools.islice(due, 1000)) == [number / 250 for number in range(1000)]


@pytest.mark.parametrize(("share", "shares"), [(0, 1), (1, 4)])
def test_poisson_arrivals_have_the_rate_and_the_spread(share: int, shares: int, load: Load) -> None:
    due_times_s = load("schedule").due_times_s
    due = list(itertools.islice(due_times_s("poisson", 1000.0, share, shares, seed=5), 10_000))
    gaps = np.diff(due)
    mean_s = shares / 1000
    # The gaps' standard deviation is their mean; its own standard error is mean * sqrt(2 / n).
    assert gaps.mean() == pytest.approx(mean_s, abs=3 * mean_s / math.sqrt(len(gaps)))
    assert gaps.std() == pytest.approx(mean_s, abs=3 * mean_s * math.sqrt(2 / len(gaps)))
    assert gaps.min() > 0
    again = due_times_s("poisson", 1000.0, share, shares, seed=5)
    assert list(itertools.islice(again, 100)) == due[:100]
    other = due_times_s("poisson", 1000.0, share, shares, seed=6)
    assert list(itertools.islice(other, 100)) != due[:100]


@given(shares=st.integers(1, 8), rate=st.floats(0.5, 5000))
def test_shares_of_constant_arrivals_interleave_to_the_whole(shares: int, rate: float, load: Load) -> None:
    due_times_s = load("schedule").due_times_s
    parts = [itertools.islice(due_times_s("constant", rate, i, shares), 50) for i in range(shares)]
    whole = list(itertools.islice(due_times_s("constant", rate), 50 * shares))
    assert sorted(itertools.chain(*parts)) == whole


def test_unknown_arrivals_are_refused(load: Load) -> None:
    with pytest.raises(ValueError, match="'weekly'; known are constant, poisson"):
        load("schedule").due_times_s("weekly", 1.0)


@given(total=st.integers(0, 10**9), held=st.lists(st.integers(1, 500), min_size=1, max_size=20))
def test_shares_of_a_total_add_up(total: int, held: list[int], load: Load) -> None:
    share_of, users = load("schedule").share_of, sum(held)
    ends = list(itertools.accumulate(held))
    shares = [share_of(total, end - n, end, users) for n, end in zip(held, ends, strict=True)]
    assert sum(shares) == total
    assert all(abs(got - total * n / users) < 1 for got, n in zip(shares, held, strict=True))


# Liveness: 4 users, 2 s, silent since 10.


@pytest.mark.parametrize(
    ("now_s", "waiting", "lost", "state"),
    [
        (14.9, 0, {"refused": 4}, None),
        (15.0, 0, {"refused": 4}, "crashed"),
        (15.0, 0, {"refused": 1, "reset": 1, "closed": 1, "unreachable": 1}, "crashed"),
        (15.0, 0, {"refused": 3}, None),
        (15.0, 0, {"refused": 3, "timeout": 1}, None),
        (15.0, 1, {"refused": 3}, "hung"),
        (11.9, 4, {}, None),
        (12.0, 4, {}, "hung"),
        (12.0, 1, {}, "hung"),
        (60.0, 0, {}, None),
        (14.0, 4, {"refused": 4}, None),
    ],
)
def test_crashed_and_hung(
    now_s: float, waiting: int, lost: dict[str, int], state: str | None, load: Load
) -> None:
    seen = load("liveness").Liveness(4, 2.0, 9.0)
    assert seen.ending(10.0, 1, 4, {}) is None
    ending = seen.ending(now_s, 1, waiting, lost)
    assert (ending and ending.state) == state
    assert ending is None or f"{now_s - 10:.1f} s" in ending.why


def test_an_answer_starts_the_silence_anew(load: Load) -> None:
    seen = load("liveness").Liveness(4, 2.0, 0.0)
    for now_s in range(1, 20):
        assert seen.ending(now_s, now_s, 4, {"closed": 4}) is None


# Verdicts.

_GOOD: dict[str, Any] = {
    "cpu_percent": 80.0,
    "requests": 10_000,
    "errors": {},
    "throughput_per_s": 1000.0,
    "little_residual": -0.05,
    "ceiling_per_s": None,
    "own_lateness_p99_ms": None,
    "response_p50_ms": 2.0,
    "link_use": None,
    "retransmits": 10,
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "valid"),
        ({"cpu_percent": 81.0}, "generator used 81 % of a core, limit 80 %"),
        ({"ceiling_per_s": 1060.0}, "valid"),
        ({"ceiling_per_s": 1050.0}, "1000 requests/s are within 5 % of the generator's ceiling, 1050"),
        ({"little_residual": -0.06}, "Little's law fails by -6.0 %, limit 5 %"),
        ({"little_residual": 0.06}, "Little's law fails by +6.0 %, limit 5 %"),
        ({"little_residual": -0.06, "errors": {"status": 1}}, "valid"),
        ({"little_residual": None}, "valid"),
        ({"own_lateness_p99_ms": 1.0}, "valid"),
        ({"own_lateness_p99_ms": 1.1}, "1 % of requests were sent over 1.1 ms late, limit 1.0 ms"),
        ({"own_lateness_p99_ms": 4.9, "response_p50_ms": 100.0}, "valid"),
        (
            {"own_lateness_p99_ms": 5.1, "response_p50_ms": 100.0},
            "1 % of requests were sent over 5.1 ms late, limit 5.0 ms",
        ),
        ({"link_use": 0.8}, "valid"),
        ({"link_use": 0.9}, "the client's link was used to 90 %, limit 80 %"),
        ({"retransmits": 11}, "11 TCP segments were sent again for 10000 requests"),
        ({"retransmits": 11, "response_p50_ms": 199.9}, "11 TCP segments were sent again for 10000 requests"),
        ({"retransmits": 11, "response_p50_ms": 200.0}, "valid"),
        ({"retransmits": 11, "requests": 11_000}, "valid"),
        ({"errors": {"no_port": 1, "refused": 2}}, "the client ran out of ports"),
        ({"errors": {"no_file": 1}}, "the client ran out of files"),
        ({"errors": {"refused": 2, "timeout": 1}}, "valid"),
        ({"lost": ["b"]}, "load process lost: b"),
        (
            {"lost": ["a", "b"], "cpu_percent": 99.0},
            "load process lost: a; load process lost: b; generator used 99 % of a core, limit 80 %",
        ),
    ],
)
def test_verdicts(changes: dict[str, Any], reason: str, load: Load) -> None:
    module = load("verdict")
    assert module.verdict(module.Evidence(**(_GOOD | changes))) == reason


# The search.


@given(threshold=st.floats(4, 20_000))
def test_a_search_finds_the_threshold(threshold: float, load: Load) -> None:
    search = load("search").RateSearch(100.0)
    steps = 1
    while search.tell(search.rate_per_s <= threshold):
        steps += 1
    assert search.kept_per_s <= threshold <= search.kept_per_s * 1.05
    assert steps <= 14


@pytest.mark.parametrize("kept", [True, False])
def test_a_search_without_a_threshold_ends(kept: bool, load: Load) -> None:
    search = load("search").RateSearch(100.0)
    steps = 1 + sum(1 for _ in itertools.takewhile(bool, (search.tell(kept) for _ in range(100))))
    assert steps == 14
    assert search.kept_per_s == (100 * 2**13 if kept else 0)


# Costs.


def test_segments_sent_again_are_read_by_name(load: Load) -> None:
    text = (
        "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
        "Tcp: RtoAlgorithm RtoMin MaxConn InSegs RetransSegs InErrs\n"
        "Tcp: 1 200 -1 900 17 3\n"
        "Udp: InDatagrams\nUdp: 5\n"
    )
    assert load("costs").retransmitted_segments(text) == 17


def test_the_way_to_the_loopback_has_no_speed(load: Load) -> None:
    way = load("costs").way_to("127.0.0.1", 9)
    assert (way.interface, way.speed_bits_per_s) == ("lo", None)


# Intervals.


class _Endpoint:
    """What a recorder sees of an endpoint."""

    def __init__(self, name: str) -> None:
        self.method, self.name = "GET", name
        self.latencies_ns = array("q")


class _Bench:
    """A recorder over endpoints that a test fills itself; it costs 0.25 s of CPU an interval."""

    def __init__(
        self, load: Load, *, warm_up_s: float = 0.0, duration_s: float | None = None, endpoints: int = 1
    ) -> None:
        interval = load("interval")
        self.endpoints = [_Endpoint(f"/{i}") for i in range(endpoints)]
        self.loop = SimpleNamespace(lateness_ns=array("q"), own_lateness_ns=array("q"), idle_since_ns=[])
        self.connections: list[Any] = []
        self.heard: list[Any] = []
        self.recorder = load("recorder").Recorder(
            0,
            warm_up_s=warm_up_s,
            duration_s=duration_s,
            endpoints=self.endpoints,
            connections=self.connections,
            loop=self.loop,
            meter=SimpleNamespace(since_last=lambda: interval.Cost(0.25, 10, 20, 1)),
            listeners=[lambda *told: self.heard.append(told)],
        )


def _latencies_ns(seed: int, count: int) -> Any:
    return np.random.default_rng(seed).lognormal(mean=15, sigma=1.5, size=count).astype(np.int64)


def test_percentiles_have_three_digits_and_sums_are_exact(load: Load) -> None:
    one, other = _latencies_ns(1, 30_000), _latencies_ns(2, 20_000)
    intervals = []
    for part in (one, other):
        bench = _Bench(load)
        bench.endpoints[0].latencies_ns.extend(part.tolist())
        bench.recorder.advance(S)
        intervals += bench.recorder.take()
    merged, added = intervals
    merged.add(added)
    every = np.sort(np.concatenate([one, other]))
    assert merged.sum_ns == sum(every.tolist()) and merged.max_ns == every[-1]
    assert merged.answers == merged.checked == merged.latencies.get_total_count() == len(every)
    for percent in (1.0, 50.0, 90.0, 99.0, 99.9, 100.0):
        exact_us = every[round(percent / 100 * len(every)) - 1] / 1000
        # Half a microsecond of rounding is more than three digits where latencies are short.
        assert merged.latencies.get_value_at_percentile(percent) == pytest.approx(exact_us, rel=1e-3, abs=0.6)


def test_latencies_out_of_range_are_recorded_at_its_ends(load: Load) -> None:
    histogram = load("interval").new_histogram()
    load("recorder").record(histogram, np.array([0, 499, 3601 * S]))
    assert histogram.get_total_count() == 3
    assert histogram.get_value_at_percentile(50) == 1
    assert histogram.get_value_at_percentile(100) == pytest.approx(3600e6, rel=1e-3)


def test_what_ends_at_a_second_s_end_belongs_to_the_next(load: Load) -> None:
    bench = _Bench(load, warm_up_s=0.5, duration_s=1.25)
    bench.recorder.advance(S // 2 - 1)
    assert bench.recorder.take() == []
    bench.recorder.finish(int(2.5 * S))
    told = [(i.start_s, i.end_s, i.phase) for i in bench.recorder.take()]
    assert told == [(0, 0.5, "warm_up"), (0.5, 1.5, "window"), (1.5, 1.75, "window"), (1.75, 2.5, "after")]


def test_errors_and_time_under_way_are_counted(load: Load) -> None:
    bench = _Bench(load)
    busy = SimpleNamespace(busy=True, due_ns=S // 4, endpoint=bench.endpoints[0])
    done = SimpleNamespace(busy=False, due_ns=S // 2, endpoint=bench.endpoints[0])
    bench.connections[:] = [busy, done]
    bench.recorder.error(done, "status", True, S * 3 // 4)
    bench.recorder.error(done, "closed", False, S * 3 // 4)
    bench.loop.idle_since_ns.append(S * 9 // 10)
    bench.recorder.advance(S)
    (first,) = bench.recorder.take()
    assert (first.errors, first.checked, first.answers) == (Counter(status=1, closed=1), 1, 0)
    assert first.busy_user_s == pytest.approx(0.75 + 2 * 0.25) and first.idle_user_s == pytest.approx(0.1)
    busy.busy = False
    bench.endpoints[0].latencies_ns.append(S)  # it ended at 1.25 s
    bench.recorder.advance(2 * S)
    (second,) = bench.recorder.take()
    assert second.busy_user_s == pytest.approx(0.25) and second.idle_user_s == pytest.approx(1)
    assert bench.recorder.answered == 2


def _interval(load: Load, start_s: float, phase: str, values_us: list[int], end_s: float = 0) -> Any:
    module = load("interval")
    interval = module.Interval(start_s, end_s or start_s + 1, phase)
    for value_us in values_us:
        interval.latencies.record_value(value_us)
    interval.answers = interval.checked = len(values_us)
    interval.sum_ns, interval.max_ns = 1000 * sum(values_us), 1000 * max(values_us, default=0)
    interval.cost = module.Cost(0.5, 100, 200, 1)
    return interval


def _over_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    """As Locust's messages carry it."""
    return msgpack.unpackb(msgpack.packb(message), strict_map_key=False)


def _told(interval: Any) -> dict[str, Any]:
    held = {
        name: value and (value.get_total_count(), value.get_max_value(), value.get_value_at_percentile(50))
        for name, value in vars(interval).items()
        if isinstance(value, HdrHistogram | None)
    }
    return vars(interval) | held


def test_an_interval_survives_its_message(load: Load) -> None:
    interval = _interval(load, 3.0, "window", [5, 1000, 70_000, 70_000])
    interval.errors.update(status=2, closed=1)
    interval.lateness = load("interval").new_histogram()
    interval.lateness.record_value(42)
    interval.busy_user_s, interval.idle_user_s = 1.25, 0.5
    again = load("interval").Interval.from_message(_over_the_wire(interval.to_message()))
    assert _told(again) == _told(interval)
    assert again.own_lateness is None
    again.add(interval)
    assert again.latencies.get_total_count() == 8 and again.lateness.get_total_count() == 2
    assert again.errors == Counter(status=4, closed=2)


def test_orders_and_reports_survive_their_messages(load: Load) -> None:
    messages, reference = load("messages"), load("reference")
    expected = reference.Expected("GET", "/a", reference.Answer(200, "text/plain", b"\0\xff"))
    order = messages.Order(
        number=1,
        share=2,
        shares=3,
        address="127.0.0.1",
        port=80,
        users=4,
        warm_up_s=0.5,
        duration_s=2.0,
        max_s=60.0,
        timeout_s=5.0,
        requests=None,
        rate_per_s=9.5,
        arrivals="poisson",
        seed=7,
        reference=[expected],
        samples=None,
    )
    assert messages.Order.from_message(_over_the_wire(order.to_message())) == order
    assert order.send_until_s == 2.5
    report = messages.Report(1, "host", 42, 4, "eth0", 1e9, 10, 1, 9, 1, {"reset": 1}, [], True, "why")
    report.intervals = [_interval(load, 0.0, "warm_up", [1]), _interval(load, 1.0, "window", [2, 3])]
    again = messages.Report.from_message(_over_the_wire(report.to_message()))
    assert [_told(i) for i in again.intervals] == [_told(i) for i in report.intervals]
    again.intervals = report.intervals
    assert again == report


# The merge.

_STARTED_AT = datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=timezone.utc)


def _merge(load: Load, path: Path, warm_up_s: float = 0.0, members: str = "ab") -> Any:
    log = load("latency_log").LatencyLog(path, _STARTED_AT)
    return load("merge").Merge(log, list(members), warm_up_s)


def _logged(path: Path) -> list[tuple[float, float, str | None, int, int]]:
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 3))
    rows = []
    while (found := reader.get_next_interval_histogram()) is not None:
        start_s, end_s = (
            round(stamp / 1000 - reader.base_time_sec, 3)
            for stamp in (found.get_start_time_stamp(), found.get_end_time_stamp())
        )
        rows.append((start_s, end_s, found.get_tag(), found.get_total_count(), found.get_max_value()))
    assert reader.base_time_sec == pytest.approx(_STARTED_AT.timestamp())
    reader.close()
    return rows


def test_two_members_are_joined_by_second_and_in_order(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "latency.hlog"
    merge = _merge(load, path, warm_up_s=1.0)
    merge.add("b", [_interval(load, 0.0, "warm_up", [900]), _interval(load, 1.0, "window", [30, 40])])
    assert _logged(path) == [], "a second was written before both members told of it"
    merge.add("a", [_interval(load, 0.0, "warm_up", [800])])
    merge.add("a", [_interval(load, 1.0, "window", [20])])
    merge.add("b", [_interval(load, 2.0, "window", [50])])
    merge.add("a", [_interval(load, 2.0, "window", []), _interval(load, 3.0, "after", [700], 3.25)])
    merge.complete("a")
    merge.add("b", [_interval(load, 3.0, "after", [600], 3.5)])
    merge.complete("b")
    merge.finish()
    assert _logged(path) == [
        (0, 1, "warm_up", 2, 900),
        (1, 2, None, 3, 40),
        (2, 3, None, 1, 50),
        (3, 3.5, "after", 2, 700),
    ]
    window = merge.window
    assert (window.start_s, window.end_s, window.answers) == (1, 3, 4)
    assert (window.sum_ns, window.max_ns) == (140_000, 50_000)
    assert window.latencies.get_total_count() == 4
    assert {name: cost.cpu_s for name, cost in merge.costs.items()} == {"a": 1.0, "b": 1.0}


def test_a_lost_member_loses_nothing_of_the_other_s(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "latency.hlog"
    merge = _merge(load, path)
    merge.add("a", [_interval(load, 0.0, "window", [10])])
    for second in range(4):
        merge.add("b", [_interval(load, float(second), "window", [20 + second])])
    assert len(_logged(path)) == 1
    merge.complete("a")
    assert len(_logged(path)) == 4
    merge.add("b", [_interval(load, 4.0, "window", [60])])
    merge.finish()
    assert [row[3:] for row in _logged(path)] == [(2, 20), (1, 21), (1, 22), (1, 23), (1, 60)]
    assert merge.window.answers == 6


def test_a_member_that_never_told_anything_holds_nothing_back_at_the_end(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "latency.hlog"
    merge = _merge(load, path)
    merge.add("b", [_interval(load, 0.0, "window", [10])])
    merge.finish()
    assert _logged(path) == [(0, 1, None, 1, 10)]


def test_an_hour_of_intervals_takes_no_memory(load: Load, tmp_path: Path) -> None:
    bench = _Bench(load)
    merge = _merge(load, tmp_path / "latency.hlog", members="a")
    taken = _latencies_ns(3, 20).tolist()
    tracemalloc.start()
    try:
        for second in range(1, 3601):
            bench.endpoints[0].latencies_ns.extend(taken)
            bench.recorder.advance(second * S)
            merge.add("a", bench.recorder.take())
            bench.heard.clear()
            if second == 60:
                gc.collect()
                tracemalloc.reset_peak()
                early, _ = tracemalloc.get_traced_memory()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        late, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    merge.finish()
    assert merge.window.answers == 20 * 3600
    # One histogram takes some 190 kB, and waits for the garbage collector with some others: an hour of
    # them would be 680 MB.
    assert late - early < 300_000 and peak - early < 50_000_000


# Raw samples.


def test_raw_samples_are_the_window_s_nanoseconds(load: Load, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "raw.parquet"
    bench = _Bench(load, endpoints=2)
    one, other = bench.endpoints
    with load("raw_samples").SampleFile(str(path)) as samples:
        for phase, taken in (("warm_up", [1]), ("window", [2, 3]), ("window", [5 * S]), ("after", [4])):
            told = {one: np.array(taken), other: np.array([7])}
            samples.add(_interval(load, 0.0, phase, []), told, {})
        assert not path.exists(), "a file of this name is whole"
    table = parquet.read_table(path)
    assert str(table.schema.field("latency_ns").type) == "uint32"
    assert table.column("latency_ns").to_pylist() == [2, 3, 7, 2**32 - 1, 7]
    assert table.column("endpoint").to_pylist() == ["GET /0", "GET /0", "GET /1", "GET /0", "GET /1"]


def test_without_a_path_there_are_no_raw_samples(load: Load, tmp_path: Path) -> None:
    with load("raw_samples").SampleFile(None) as samples:
        samples.add(_interval(load, 0.0, "window", []), {}, {})
    assert list(tmp_path.iterdir()) == []
