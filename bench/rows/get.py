"""A script that asks for a token pays for a process; how much more than for one that does nothing?"""
from lab.context import Context
from lab.figure import Figure, Series, compared

NAME = "get"
ORDER = 50
WHY = "`tokenbroker get ACCOUNT` as a whole process, from spawn to exit, against one of /bin/true, on the CPU of the daemon"

TIMES = 200


def measure(context: Context) -> list[Figure]:
    cpus = [context.server_cpu]
    times = str(20 if context.quick else TIMES)
    with context.daemon(cpus=cpus) as daemon:
        get = [str(context.bin / "tokenbroker"), "--socket", daemon.tokens_socket, "get", "bench/u0000000"]
        spawn = [context.tool("bench_spawn"), times]
        found = context.interleaved({
            "true": lambda: context.processes.run_json([*spawn, "/bin/true"], cpus=cpus)["p50_us"],
            "get": lambda: context.processes.run_json([*spawn, *get], cpus=cpus)["p50_us"]})
    figure = compared("`tokenbroker get`, whole process, p50", "us", found["get"], found["true"], bar=1.3, floor_name="true")
    figure.series = [Series("get", "true", [("whole process", figure.floor or 0.0)], peer=True),
                     Series("get", "tokenbroker get", [("whole process", figure.value)])]
    return [figure]
