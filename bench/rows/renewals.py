"""Renewals from end to end beside the bare HTTPS client: intent durable, exchange verified, sealed, durable, then visible."""
import time

from lab.context import Context
from lab.daemon import provider_config
from lab.figure import Figure, compared
from lab.processes import Failed
from lab.provider import TlsProvider, certificate

NAME = "renewals"
ORDER = 50
WHY = "renewals a second on kept connections (verified, sealed, durable, then visible) against requests a second of the same HTTPS client"

IN_FLIGHT = 64
ACCOUNTS = 60_000  # more than are renewed while a round lasts
LIFE_S, AGE_S = 3_600, 7_200
SECONDS = 2.0


def bare(context: Context, chain, seconds: float) -> float:
    with TlsProvider(context, chain, accounts=1) as provider:
        done = context.processes.run_json([context.tool("https_load"), "--port", str(provider.port), "--ca", str(chain),
                                           "--in-flight", str(IN_FLIGHT), "--seconds", str(seconds)])
        if done["errors"]:
            raise Failed(f"the bare client had {done['errors']} errors")
        return float(done["per_s"])


def renewed(context: Context, chain, seconds: float) -> float:
    folder = context.folder("client")
    with TlsProvider(context, chain, accounts=ACCOUNTS) as provider:
        config = provider_config(folder, context.caller_uid, provider.port, chain)
        top = f"exchanges_max = {IN_FLIGHT}\nexchanges_per_origin_max = {IN_FLIGHT}\n"
        with context.daemon(ACCOUNTS, provider="oauth2", lifetime_s=LIFE_S, age_s=AGE_S, config=config, top=top):
            time.sleep(0.3)  # the handshakes
            before, begin = provider.stats(), time.monotonic()
            time.sleep(seconds)
            after, took = provider.stats(), time.monotonic() - begin
    if after["reused"] or after["granted"] + IN_FLIGHT > ACCOUNTS:
        raise Failed(f"the round says nothing: {after}")
    return (after["granted"] - before["granted"]) / took


def measure(context: Context) -> list[Figure]:
    chain = certificate(context)
    seconds = context.seconds(SECONDS)
    found = context.interleaved({"bare": lambda: bare(context, chain, seconds), "broker": lambda: renewed(context, chain, seconds)})
    return [compared("renewals/s on kept connections", "1/s", found["broker"], found["bare"], bar=0.10, sense=">=",
                     floor_name="bare requests/s of the same client")]
