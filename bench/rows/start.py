"""A start with 100,000 accounts: how long until the first token is handed out, and the memory then."""
import statistics
import time

from lab.context import Context
from lab.figure import Figure

NAME = "start"
ORDER = 70
WHY = "100,000 accounts with 1 KB tokens: seconds from fork to the first answer to a GetToken, and the resident memory after it"

ACCOUNTS = 100_000
KIB = 1024


def first_answer(context: Context, accounts: int) -> tuple[float, float]:
    """Seconds from fork to the first answer, and MiB of memory after it."""
    with context.daemon(accounts, provider="oauth2", config=quiet_config(), start=False) as daemon:
        begin = time.monotonic()
        daemon.start()
        daemon.call("GetToken", account=f"bench/u{accounts - 1:07}")
        return time.monotonic() - begin, daemon.memory_kib() / KIB


def quiet_config() -> str:
    """A client whose provider nobody asks: every token is fresh."""
    return ('[clients.bench]\nprovider = "oauth2"\nbase_url = "https://127.0.0.1:1"\ntoken_url = "/token"\n'
            'client_id = "bench"\nclient_auth = "none"\n')


def measure(context: Context) -> list[Figure]:
    accounts = 10_000 if context.quick else ACCOUNTS
    found = [first_answer(context, accounts) for _ in range(min(context.rounds, 5))]
    seconds, memory = ([one[i] for one in found] for i in (0, 1))
    return [Figure(f"start with {accounts:,} accounts to the first answer", "s", statistics.median(seconds), bar=0.8, samples=seconds),
            Figure(f"memory with {accounts:,} accounts", "MiB", statistics.median(memory), bar=220, samples=memory)]
