"""One broker that is killed again and again while it renews, and the judgement of what it did with each grant.

What counts as committed is only what the daemon showed: a token it handed out or announced (visible means durable),
or the answer to RenewAccount. From then on the refresh token that came with it is the daemon's own, and
- an older one of the family presented later is a double spend,
- the account lost while the committed one is unspent at the provider is a loss after commit.
The same holds for refusals: one that was not stored when the kill came may lead to one more try, others never.
A loss before that is the provider's doing if the spent token was refused; it is a failure where the provider would
have healed a replay (grace, still_valid).
"""
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from harness.case import webroot_client
from harness.daemon import Daemon
from harness.sanitizer import patient
from harness.varlink import Closed, Varlink, VarlinkError

HEALS_REPLAYS = ("grace", "still_valid")
GRACE_S = 600
HEAL_LIMIT_S = patient(20.0)
AGAIN_CHANCE = 0.2  # of a second kill while the daemon starts and heals
STAGES = ("before processing", "processed, not committed", "committed")


class Family:
    """One grant: the daemon's account and the simulator's family of the same name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.account = f"shop/{name}"
        self.committed: list[tuple[float, int]] = []  # (monotonic time when shown, number of its refresh token)


class KillWorld:
    persona = "webroot"
    again_chance = AGAIN_CHANCE

    def client(self, folder: Path) -> str:
        return webroot_client(self.sim, folder)

    def __init__(self, sim: Any, folder: Path, policy: str, seed: int) -> None:
        self.sim, self.policy = sim, policy
        self.random = random.Random(f"{seed} {policy}")
        sim.switch(self.persona, old_rt=policy, grace_s=GRACE_S, access_lifetime_s=299, latency_ms=2, latency_after_ms=1)
        self.daemon = Daemon(folder, self.client(folder), top='log_level = "debug"')
        self.families: list[Family] = []
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.killed: list[float] = []

    # -- what the daemon shows --
    def shown(self, family: Family, token: str, at: float) -> None:
        number = self.sim.post("/valid", persona=self.persona, token=token)["n"]
        if number is None:
            self.failures.append(f"{family.name}: the daemon handed out a token that the provider never issued")
        else:
            family.committed.append((at, number))

    def presentations(self, family: Family) -> list[dict[str, Any]]:
        return list(self.sim.family(family.name, self.persona)["presentations"])

    def drain_watch(self, family: Family, watch: Varlink, at: float) -> None:
        """The tokens that the daemon announced before it was killed: their bytes are still in the socket."""
        for _ in range(100):
            try:
                event = watch.receive().get("parameters") or {}
            except Closed:
                return
            if event.get("token"):
                self.shown(family, event["token"]["token"], at)

    # -- one cycle --
    def kill(self) -> None:
        self.daemon.kill()
        self.killed.append(time.monotonic())

    def new_family(self) -> Family:
        family = Family(f"{self.policy.replace('_', '-')}-{len(self.families)}")
        seeded = self.sim.seed(self.persona, family=family.name)
        with self.daemon.admin() as admin:
            admin.call("AddAccount", account=family.account, secrets={"refresh_token": seeded["refresh_token"]})
        self.families.append(family)
        self.hand_out(family)
        return family

    def hand_out(self, family: Family) -> None:
        with self.daemon.tokens() as tokens:
            token = tokens.call("GetToken", account=family.account)["token"]["token"]
        self.shown(family, token, time.monotonic())

    def delay_s(self) -> float:
        """Half of the kills are dense where reply and commit happen, the others anywhere in 30 ms."""
        return self.random.uniform(0, 8 if self.random.random() < 0.5 else 30) / 1000

    def kill_while_renewing(self, family: Family) -> float:
        """When the daemon was killed (monotonic)."""
        since = self.sim.state()["last_seq"]
        fault = self.arm_sometimes()
        with self.daemon.tokens() as watch, self.daemon.admin() as admin:
            watch.send("WatchTokens", {"accounts": [family.account]}, more=True)
            watch.receive()
            admin.send("RenewAccount", {"account": family.account})
            reached = self.sim.wait(persona=self.persona, account=family.name, since=since, timeout_s=10)
            if not reached["enough"]:
                self.failures.append(f"{family.name}: RenewAccount caused no request within 10 s")
            time.sleep(self.delay_s())
            self.kill()
            killed_at = time.monotonic()
            self.drain_watch(family, watch, killed_at)
            self.acknowledged(family, admin, killed_at, fault)
        self.sim.post("/clear")
        self.await_quiet(family, since)
        return killed_at

    def arm_sometimes(self) -> str:
        """Every fifth renewal or so also meets a lost request or a lost reply before it is killed."""
        fault = self.random.choice(["", "", "", "", "", "", "", "", "reset_before", "reset_after", "truncate"])
        if fault:
            self.sim.arm(fault, match={"what": "refresh_token"})
            self.counts["with a fault"] += 1
        return fault

    def await_quiet(self, family: Family, since: int) -> None:
        """The simulator has done with the requests of the dead daemon (it processes them all the same)."""
        for _ in range(500):
            if all(entry["ended_at"] for entry in self.sim.log(since=since, account=family.name)):
                return
            time.sleep(0.01)
        self.failures.append(f"{family.name}: the simulator still works on a request of the killed daemon")

    def acknowledged(self, family: Family, admin: Varlink, at: float, fault: str) -> None:
        try:
            admin.receive()
        except Closed:
            return
        except VarlinkError as error:
            if not fault or error.short != "RenewalFailed":  # which class it says is test_provider_faults' matter
                self.failures.append(f"{family.name}: RenewAccount failed: {error}")
            return
        good = [shown for shown in self.presentations(family) if shown["ok"]]
        family.committed.append((at, good[-1]["new_n"]))

    def stage(self, family: Family, seen: int, killed_at: float, state: str) -> str:
        """At which stage the kill struck; `seen` presentations were there before the cycle."""
        presentations = self.presentations(family)[seen:]
        spent = [presented for presented in presentations if presented["ok"] and presented["at"] <= killed_at]
        if not spent:
            return STAGES[0]
        replayed = any(presented["at"] > killed_at for presented in presentations)
        return STAGES[2] if state == "fresh" and not replayed else STAGES[1]

    def restart_and_heal(self, family: Family) -> str:
        """Starts the daemon, perhaps kills it once more on the way; the state it settles in."""
        if self.random.random() < self.again_chance:
            self.daemon.start(wait=False)
            time.sleep(self.random.uniform(0, 120) / 1000)
            self.kill()
            self.counts["kills while healing"] += 1
        self.daemon.start()
        end = time.monotonic() + HEAL_LIMIT_S
        with self.daemon.admin() as admin:
            while time.monotonic() < end:
                status = admin.call("GetStatus", accounts=[family.account])["accounts"][0]
                if status["state"] in ("fresh", "login_required"):
                    break
                time.sleep(0.005)
        state = str(status["state"])
        if state == "fresh":
            self.hand_out(family)
        elif state != "login_required":
            self.failures.append(f"{family.name}: {state} {HEAL_LIMIT_S} s after the restart: {status['reason']}")
        return state

    def cycle(self, family: Family) -> Family:
        """Renew, kill, restart, heal. The family to go on with."""
        seen = len(self.presentations(family))
        killed_at = self.kill_while_renewing(family)
        self.counts["kills"] += 1
        state = self.restart_and_heal(family)
        self.counts[self.stage(family, seen, killed_at, state)] += 1
        if state == "fresh":
            self.counts["healed"] += 1
            return family
        self.judge_loss(family, state)
        with self.daemon.admin() as admin:
            admin.call("RemoveAccount", account=family.account)
        return self.new_family()

    # -- judgement --
    def judge_loss(self, family: Family, state: str) -> None:
        view = self.sim.family(family.name, self.persona)
        known = max((number for _, number in family.committed), default=0)
        if not view["tokens"][known]["spent"]:
            self.counts["lost after commit"] += 1
            self.failures.append(f"{family.name}: {state}, but refresh token {known} was committed and is unspent")
        elif self.policy in HEALS_REPLAYS:
            self.counts["lost"] += 1
            self.failures.append(f"{family.name}: {state}, though the provider would have healed a replay")
        else:
            self.counts["lost"] += 1

    def judge_spending(self, family: Family) -> None:
        view = self.sim.family(family.name, self.persona)
        shown = sorted(family.committed)
        for presented in view["presentations"]:
            known = max((number for at, number in shown if at < presented["at"]), default=0)
            if presented["n"] < known:
                self.counts["double spent"] += 1
                self.failures.append(f"{family.name}: refresh token {presented['n']} was presented after {known} "
                                     f"was committed (request {presented['seq']})")
        if used := view["counters"]["used_after_successor_used"]:
            self.counts["double spent"] += used
            self.failures.append(f"{family.name}: used_after_successor_used {used} times")
        self.judge_refusals(family, view["presentations"])
        self.counts["replays"] += view["counters"]["unknown_outcome_replays"]

    def judge_refusals(self, family: Family, presentations: list[dict[str, Any]]) -> None:
        """A refused token may come again only if no living daemon got the refusal (it was killed while the request was
        at the provider), or if it was killed before the refusal can have been stored."""
        delivered = {entry["seq"] for entry in self.sim.log(account=family.name) if entry["delivered"]}
        refused: dict[int, float] = {}
        for presented in presentations:
            at, number = presented["at"], presented["n"]
            if number in refused and not any(refused[number] <= killed <= at for killed in self.killed):
                self.failures.append(f"{family.name}: refused token {number} was sent again (request {presented['seq']})")
            if not presented["ok"] and presented["seq"] in delivered:
                refused[number] = at

    def run(self, kills: int) -> None:
        self.daemon.start()
        try:
            family = self.new_family()
            for _ in range(kills):
                family = self.cycle(family)
        finally:
            self.daemon.close()
        for family in self.families:
            self.judge_spending(family)
        for found in self.sim.check(ignore=["spent_after_delivered_success", "presented_after_refusal"]):
            self.failures.append(f"invariant {found}")
