"""What a client must never do, judged at the end of a run. Every finding names persona, account and request.

Which findings are failures the test decides: after a kill -9, a token may be spent again although the lost process had
received the success; a person at the keyboard may call before Retry-After is over.
"""
from typing import Any

from server import World

TEXT = {
    "spent_after_delivered_success": "a refresh token was presented again after a success was delivered whole",
    "used_after_successor_used": "a refresh token was presented after its successor had been",
    "presented_after_refusal": "a refused refresh token was presented again",
    "two_in_flight": "two exchanges of one grant at the same time",
    "retry_after": "a retry came before Retry-After was over",
    "secret_in_url": "a secret stood in a URL where the API doesn't demand it",
    "secret_to_wrong_host": "a secret of one provider was sent to another",
    "canary": "a redirect was followed: the canary host got a request or a connection",
    "used_past_expiry": "a token was redeemed after it had expired for its issuer",
    "polled_too_fast": "a device code was polled before its interval was over",
    "called_after_final": "a call was repeated soon after a refusal that no repetition changes",
    "budget": "more calls for one account than the test allows",
}


def check(world: World, budget: int | None, ignore: list[str], final_gap_s: float | None = None) -> dict[str, Any]:
    """{"ok": ..., "violations": [...]} over everything since the start or the last /forget. final_gap_s: that much time
    must pass between a final refusal and the same call again (an operator may call sooner, so it's not a default)."""
    found = list(world.book.violations)
    if final_gap_s is not None:
        found += [finding for gap_s, finding in world.book.after_final if gap_s < final_gap_s]
    for persona in world.personas.values():
        found += persona.violations()
    for name in ("canary", "canary_http"):
        count = world.book.connections.get(name, 0)
        if count:
            found.append({"invariant": "canary", "persona": name, "account": "", "request": 0,
                          "text": f"{count} connections"})
    if budget is not None:
        found += over_budget(world, budget)
    kept = [finding for finding in found if finding["invariant"] not in ignore]
    return {"ok": not kept, "violations": kept, "meaning": {f["invariant"]: TEXT[f["invariant"]] for f in kept}}


def over_budget(world: World, budget: int) -> list[dict[str, Any]]:
    calls: dict[tuple[str, str], int] = {}
    for entry in world.book.log:
        account = entry.family or entry.account or entry.client
        if account and entry.what != "resource":
            calls[(entry.persona, account)] = calls.get((entry.persona, account), 0) + 1
    return [{"invariant": "budget", "persona": persona, "account": account, "request": 0,
             "text": f"{count} calls, at most {budget} allowed"}
            for (persona, account), count in calls.items() if count > budget]
