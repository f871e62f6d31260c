"""What the locustfiles share: a closed loop of checked requests, recorded in histograms.

It runs on the client machine, where of unilab only ``locustfiles/`` exists.

options       the command line, checked before the first request
reference     the answers that are right, and the target's identity
failures      what kind of error a request ended with
liveness      whether the target is hung or crashed
recorder      latencies in one histogram per second; counts of the measured window
generator_cost  what the generator itself used, and whether that spoils the trial
outcome       load.json
closed_loop   one run, from the first check to load.json
user          the Locust user class, and the hooks by which Locust starts the run
"""
