"""What the locustfiles share: a fast user, checked responses, latencies to the microsecond.

It runs on the client machines, where of unilab only ``locustfiles/`` exists. Read it in this order:

request       what a locustfile writes down: ``get("/todos", weight=3)``
user          the user class of locustfiles, a Locust user
hooks         how Locust starts and ends a run
options       the command line, checked before the first request
reference     the answers that are right, and the target's identity

run           one run in the process in charge: check, load, watch, write
crew          the processes that make the load: this one, or Locust's workers
messages      what both tell each other
search        the highest rate that keeps a p99
liveness      whether the target is hung or crashed
merge         all processes' intervals joined, second by second
measured      the record's part ``load``
verdict       whether the generator spoiled the trial
latency_log   latency.hlog; outcome: load.json

worker        one process that makes load
engine        the event loop over all its connections
loops         who asks when: closed or open; schedule: when requests fall due
connection    one connection: connect, ask, receive, check
endpoint      a request made ready for one target; response: its answer, parsed; failures: kinds of error
recorder      a second's latencies into an interval; interval: what that holds; costs: what it cost
locust_statistics, raw_samples   what else takes the latencies

calibrate     what this client is capable of, against the responder
"""
