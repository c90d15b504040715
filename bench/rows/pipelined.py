"""Many callers that ask for much: what the code between two system calls costs, with one account and with 100,000."""
from lab.context import Context
from lab.figure import Figure
from lab.peers import LARGE, measure_peers, throughput

NAME = "pipelined"
ORDER = 30
WHY = "requests/s of 64 connections with 16 requests each in flight, for one account and for random ones of 100,000 (redis: keys)"
ACCOUNTS = 100_000


def measure(context: Context) -> list[Figure]:
    accounts = 1_000 if context.quick else ACCOUNTS
    load = {"cpus": [context.server_cpu], "connections": 64, "depth": 16}
    one = measure_peers(context, accounts=1, **load)
    many = measure_peers(context, accounts=accounts, daemons=[LARGE], **load)
    return [*throughput("64 conn. x 16, one account", one, floor_bar=None, redis_bar=1.3),
            *throughput(f"64 conn. x 16, {accounts:,} accounts", many, floor_bar=None, redis_bar=1.0)]
