"""What grows with the number of accounts, and what must not."""
import subprocess
import time

from lab.context import Context
from lab.figure import Figure, Series
from lab.processes import Failed

NAME = "growth"
ORDER = 80
LIMIT_S = 600
WHY = ("1k to 1M accounts: start, memory, warm read, an account's share of them, and the longest read while `status` and `account list` "
       "of all of them are told")

SIZES, QUICK_SIZES = (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000)
READS_S = 2.0
KIB = 1024
CONFIG = ('[clients.bench]\nprovider = "oauth2"\nbase_url = "https://127.0.0.1:1"\ntoken_url = "/token"\nclient_id = "bench"\n'
          'client_auth = "none"\n\n[[access]]\naccounts = ["bench/*"]\nallow = ["uid:{uid}"]\n')


def longest_read(context: Context, daemon, accounts: int, words: list[str]) -> float:
    """The longest read (ms) within READS_S while listings follow each other."""
    command = [str(context.bin / "tokenbroker"), "--socket", daemon.tokens_socket, *words]
    listing = subprocess.Popen(["sh", "-c", 'while "$@" > /dev/null; do :; done', "sh", *command])
    try:
        seconds = context.seconds(READS_S)
        return context.load(daemon.tokens_socket, accounts=accounts, seconds=seconds)["max_us"] / 1_000
    finally:
        listing.kill()
        listing.wait()


def of_size(context: Context, accounts: int) -> dict[str, float]:
    found: dict[str, float] = {}
    with context.daemon(accounts, provider="oauth2", config=CONFIG.format(uid=context.caller_uid), start=False) as daemon:
        begin = time.monotonic()
        daemon.start()
        daemon.call("GetToken", account=f"bench/u{accounts - 1:07}")
        found["start, s"] = time.monotonic() - begin
        found["memory, MiB"] = daemon.memory_kib() / KIB
        idle = context.load(daemon.tokens_socket, accounts=accounts, seconds=context.seconds(1.0))
        found["read p50, us"] = idle["p50_us"]
        found["longest read idle, ms"] = idle["max_us"] / 1_000
        for name, words in (("status", ["status"]), ("account list", ["account", "list"])):
            begin = time.monotonic()
            done = subprocess.run([str(context.bin / "tokenbroker"), "--socket", daemon.tokens_socket, *words],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            found[f"{name}, s"] = time.monotonic() - begin
            lines = done.stdout.count(b"bench/u")
            if done.returncode != 0 or lines < accounts:
                raise Failed(f"{name} told {lines} of {accounts} accounts: {done.stderr[-300:]!r}")
            found[f"longest read during {name}, ms"] = longest_read(context, daemon, accounts, words)
    return found


def measure(context: Context) -> list[Figure]:
    sizes = QUICK_SIZES if context.quick else SIZES
    found = {size: of_size(context, size) for size in sizes}
    first = found[sizes[0]]
    figures = []
    for name in first:
        values = [(float(size), found[size][name]) for size in sizes]
        unit = name.rsplit(", ", 1)[1]
        figure = Figure(f"{name.rsplit(', ', 1)[0]}, {sizes[-1]:,} accounts", unit, values[-1][1],
                        note=", ".join(f"{size:,.0f}: {value:.3g} {unit}" for size, value in values))
        figure.series = [Series("growth", name.rsplit(", ", 1)[0], [(size, value / values[0][1]) for size, value in values])]
        if name.startswith(("memory", "start")):
            figure.series.append(Series(name.split(",")[0], "tokenbrokerd", values))
        figures.append(figure)
    return figures
