"""What a caller notices of a renewal storm: 32 renewals in flight without a pause, each with a full TLS handshake."""
import time
from pathlib import Path

from lab.context import Context
from lab.daemon import Daemon, provider_config
from lab.figure import Figure, Series, compared
from lab.processes import Failed
from lab.provider import TlsProvider, certificate

NAME = "storm"
ORDER = 40
WHY = "p50 and p99 of a warm GetToken while 32 renewals with full TLS handshakes are always in flight, against the same daemon idle"

IN_FLIGHT = 32
LATENCY_MS = 20  # of the provider, as a near one has
ACCOUNTS = 6_000  # more than are renewed while a round lasts
LOAD_S = 1.0
# All due (0.65 to 0.75 of the life is over), none near its end: every read is answered at once.
LIFE_S, AGE_S = 36_000, 30_000


def start(context: Context, provider: TlsProvider, chain: Path, age_s: int) -> Daemon:
    folder = context.folder("client")
    config = provider_config(folder, context.caller_uid, provider.port, chain)
    top = f"exchanges_max = {IN_FLIGHT}\nexchanges_per_origin_max = {IN_FLIGHT}\n"
    daemon = context.daemon(ACCOUNTS, provider="oauth2", lifetime_s=LIFE_S, age_s=age_s, config=config, top=top)
    daemon.pin_brain(context.server_cpu)
    return daemon


def expect_in_flight(daemon: Daemon, wanted: int) -> None:
    in_flight = daemon.call("GetStatus")["daemon"]["exchanges_in_flight"]
    if in_flight != wanted:
        raise Failed(f"{in_flight} renewals are in flight, not {wanted}")


def measure_once(context: Context, chain: Path, age_s: int) -> dict[str, float]:
    """One daemon, idle or in a storm. The provider has the other CPU, and gives way to the daemon."""
    with TlsProvider(context, chain, accounts=ACCOUNTS, close=True, latency_ms=LATENCY_MS, cpus=[context.client_cpu],
                     nice=5) as provider, start(context, provider, chain, age_s) as daemon:
        time.sleep(0.3)
        expect_in_flight(daemon, IN_FLIGHT if age_s else 0)
        before = provider.stats()
        done = context.load(daemon.tokens_socket, seconds=context.seconds(LOAD_S), cpu=context.server_cpu)
        expect_in_flight(daemon, IN_FLIGHT if age_s else 0)
        after = provider.stats()
        done["handshakes_per_s"] = (after["handshakes"] - before["handshakes"]) / (done["seconds"] + 0.1)
        if after["reused"] or after["resumed"]:
            raise Failed(f"the provider saw what should not be: {after}")
        if age_s and after["granted"] + 2 * IN_FLIGHT > ACCOUNTS:
            raise Failed("the storm was over before the round was")
        return done


def measure(context: Context) -> list[Figure]:
    chain = certificate(context)
    found = context.interleaved({"idle": lambda: measure_once(context, chain, 0),
                                 "storm": lambda: measure_once(context, chain, AGE_S)})
    rate = sorted(one["handshakes_per_s"] for one in found["storm"])[len(found["storm"]) // 2]
    figures = []
    for share, bar in (("p50", 1.5), ("p99", 3.0)):
        idle, storm = ([one[f"{share}_us"] for one in found[lane]] for lane in ("idle", "storm"))
        figure = compared(f"warm GetToken with {IN_FLIGHT} renewals in flight, {share}", "us", storm, idle, bar=bar, floor_name="idle",
                          note=f"{rate:.0f} renewals/s, each with a full handshake; a provider with {LATENCY_MS} ms")
        figure.series = [Series("storm", "idle", [(share, figure.floor or 0.0)], peer=True),
                         Series("storm", "storm", [(share, figure.value)])]
        figures.append(figure)
    return figures
