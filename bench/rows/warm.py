"""One caller on one connection, on the CPU of the server: how long until the token is there."""
from lab.context import Context
from lab.figure import Figure, Series, compared

NAME = "warm"
ORDER = 10
WHY = "p50 of a warm GetToken on one connection, client and server on one CPU, against a server that only finds the NUL, and redis GET"


def measure(context: Context) -> list[Figure]:
    cpu = context.server_cpu
    with context.floor_server(cpus=[cpu]) as floor, context.daemon(cpus=[cpu]) as daemon:
        redis = context.redis_server(cpus=[cpu])
        lanes = {"floor": lambda: context.load(floor.path, protocol="floor", cpu=cpu)["p50_us"],
                 "daemon": lambda: context.load(daemon.tokens_socket, cpu=cpu)["p50_us"]}
        if redis:
            lanes["redis"] = lambda: context.load(redis.path, protocol="resp", cpu=cpu)["p50_us"]
        found = context.interleaved(lanes)
    ours = found["daemon"]
    figures = [compared("warm GetToken, 1 connection, p50", "us", ours, found["floor"], bar=1.25)]
    figures[0].series = [Series("latency", name, [(name, sorted(values)[len(values) // 2])], peer=name != "daemon")
                         for name, values in found.items()]
    if redis:
        figures.append(compared("warm GetToken, 1 connection, p50, below redis", "us", ours, found["redis"], bar=1.0,
                                floor_name="redis"))
    return figures
