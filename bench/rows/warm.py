"""One caller on one connection, on the CPU of the server: how long until the token is there."""
from lab.context import Context
from lab.figure import Figure
from lab.peers import against, bars, measure_peers

NAME = "warm"
ORDER = 10
WHY = "p50 of a warm GetToken on one connection, client and server on one CPU, against a server that only finds the NUL, and redis GET"


def measure(context: Context) -> list[Figure]:
    found = measure_peers(context, accounts=1, cpus=[context.server_cpu], cpu=context.server_cpu)
    figures = against("warm GetToken, 1 connection, p50", "p50_us", "us", found, floor_bar=1.25, redis_bar=1.0, sense="<=")
    figures[0].series = bars("latency", "", "p50_us", found)
    return figures
