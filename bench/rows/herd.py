"""A herd: every account expired in an outage, and the provider is back with 20 ms of latency."""
import time

from lab.context import Context
from lab.daemon import provider_config
from lab.figure import Figure, Series
from lab.processes import Failed
from lab.provider import TlsProvider, certificate

NAME = "herd"
ORDER = 90
LIMIT_S = 400
WHY = ("accounts that all expired, a provider back with 20 ms of latency: seconds until all are fresh with 128 exchanges an origin, "
       "and with the default 8 against accounts x latency / 8; how soon one that somebody waits for is fresh; a 429 kept")

ACCOUNTS, QUICK_ACCOUNTS = 100_000, 4_000
SMALL = 4_000  # at the default cap: 10 s at best; all 100,000 would be 250 s of the same
LATENCY_MS = 20
LIFE_S, AGE_S = 3_600, 7_200
WAITED = 5
RETRY_AFTER_S = 2


def herd(context: Context, chain, accounts: int, cap: int, limited: bool = False) -> dict:
    folder = context.folder("client")
    with TlsProvider(context, chain, accounts=accounts, latency_ms=LATENCY_MS) as provider:
        if limited:
            provider.order(f"limit 200 {RETRY_AFTER_S}")
        config = provider_config(folder, context.caller_uid, provider.port, chain)
        top = f"exchanges_max = {max(cap, 64)}\nexchanges_per_origin_max = {cap}\n"
        waits, left = [], [(0.0, float(accounts))]
        with context.daemon(accounts, provider="oauth2", lifetime_s=LIFE_S, age_s=AGE_S, config=config, top=top) as daemon:
            begin = time.monotonic()
            for i in range(0 if limited else WAITED):  # of those that would come last by themselves
                asked = time.monotonic()
                daemon.call("GetToken", account=f"bench/u{accounts - 1 - i:07}", timeout_ms=60_000)
                waits.append(time.monotonic() - asked)
            while (stats := provider.stats())["granted"] < accounts:
                left.append((round(time.monotonic() - begin, 2), float(accounts - stats["granted"])))
                time.sleep(0.25)
            took = time.monotonic() - begin
            if stats["reused"] or stats["busy_most"] > cap:
                raise Failed(f"the provider saw what should not be: {stats}")
        return {"took": took, "waits": waits, "left": [*left, (round(took, 2), 0.0)], "stats": stats}


def measure(context: Context) -> list[Figure]:
    chain = certificate(context)
    large = QUICK_ACCOUNTS if context.quick else ACCOUNTS
    small = 500 if context.quick else SMALL
    wide, narrow = herd(context, chain, large, 128), herd(context, chain, small, 8)
    limited = herd(context, chain, 500, 8, limited=True)
    ideal = small * LATENCY_MS / 1_000 / 8
    return [Figure(f"{large:,} expired accounts fresh, 128 exchanges an origin", "s", wide["took"], bar=30.0,
                   note=f"{large / wide['took']:.0f} renewals/s, {wide['stats']['connections']} connections",
                   series=[Series("herd", "128 exchanges an origin", wide["left"])]),
            Figure(f"{small:,} expired accounts fresh, 8 exchanges an origin", "s", narrow["took"], ideal, narrow["took"] / ideal,
                   bar=1.2, floor_name="accounts x latency / 8"),
            Figure("longest wait for an account that would come last, 8 exchanges an origin", "s", max(narrow["waits"]),
                   note="those that somebody waits for come first"),
            Figure("requests during a running Retry-After", "", float(limited["stats"]["early"]), bar=0.0, exact=True)]
