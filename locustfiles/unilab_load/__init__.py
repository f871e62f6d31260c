"""What the locustfiles share: a fast user, checked responses, latencies to the microsecond.

It runs on the client machines, where of unilab only ``locustfiles/`` exists. Locustfiles import two modules:

request       a request of a user class: ``get("/todos", weight=3)``
user          the user class of locustfiles, a Locust user

Each package imports only from those before it:

wire          one connection: request bytes, the parser, the comparison with the reference
worker        one process that makes load: event loop, loops, recorder, messages to the lead
lead          the process in charge: options, checks, workers, merge, verdict, load.json, Locust's events

limits        when the generator spoils a trial; the analysis reads them too
calibrate     measures what this client is capable of, against the responder
responder     a target that costs nothing
"""
