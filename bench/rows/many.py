"""Many callers at once."""
from lab.context import Context
from lab.figure import Figure
from lab.peers import measure_peers, throughput

NAME = "many"
ORDER = 20
WHY = "requests/s of 64 connections with one request each in flight; server and clients have a CPU each"


def measure(context: Context) -> list[Figure]:
    found = measure_peers(context, accounts=1, cpus=[context.server_cpu], connections=64)
    return throughput("64 connections", found, floor_bar=0.75, redis_bar=1.0)
