"""Exact kills (KillPoints) while an account that has a grant is given another: by a login with a device code, or by a pasted one that
must prove itself first.

After each kill and restart the account serves by its old grant or by the new one, and that grant renews; by the new one if the daemon
had shown a token of it or said that it is in place, or if the provider has spent it and refused nothing. What is served counts as
committed, so that KillWorld's judgement of double spending holds for every grant that there was.
"""
import time
from pathlib import Path

from harness.clients import Clients
from harness.kill_points import SETTLE_S, KillPoints
from harness.kill_world import HEAL_LIMIT_S, Family
from harness.varlink import Closed, Varlink, VarlinkError

ACCOUNT = "chat/main"


class EnrolPoints(KillPoints):
    persona = "oauth2"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.sim.switch("oauth2", device_interval_s=1)
        self.sim.seed("oauth2", first=False)
        self.grants: dict[str, Family] = {}  # by the provider's name of it
        self.serving = ""
        self.shown_new = False  # the daemon said that the new grant is in place, or showed a token of it
        self.offered = ""       # the new grant, where its name is known beforehand

    def client(self, folder: Path) -> str:
        return Clients(self.sim, folder).oauth2("chat", issuer=self.sim.url("oauth2"), scopes=["read"], device_url="/oauth2/device")

    def enrol(self, admin: Varlink) -> None:
        """Gives the account another grant, to the end. Raises Closed when the daemon dies over it."""
        raise NotImplementedError

    # -- what the daemon shows --
    def seen(self, token: str, at: float) -> str:
        """A token that was handed out: the grant it is of."""
        valid = self.sim.post("/valid", persona=self.persona, token=token)
        if not valid["valid"]:
            self.failures.append(f"a token was handed out that the provider does not take: {valid}")
            return ""
        name = str(valid["family"])
        if name not in self.grants:
            self.grants[name] = Family(name)
            self.families.append(self.grants[name])
        self.grants[name].committed.append((at, valid["n"]))
        return name

    def get(self) -> str:
        with self.daemon.tokens() as tokens:
            token = tokens.call("GetToken", account=ACCOUNT)["token"]["token"]
        return self.seen(token, time.monotonic())

    def new_family(self) -> Family:
        seeded = self.sim.seed("oauth2", family="first")
        with self.daemon.admin() as admin:
            admin.call("AddAccount", account=ACCOUNT, secrets={"refresh_token": seeded["refresh_token"]})
        self.serving = self.get()
        family = self.grants[self.serving]
        family.account = ACCOUNT
        return family

    # -- what there is --
    def renewal(self, family: Family) -> dict[tuple[str, str], int]:
        self.cold()
        with self.daemon.tokens() as watch, self.daemon.admin() as admin:
            self.begin(family, watch, admin)
            self.tracer.count()
            self.enrol(admin)
            time.sleep(SETTLE_S)
            counted = self.tracer.counted()
        self.serving = self.get()
        return counted

    # -- one kill --
    def cycle(self, family: Family) -> Family:
        assert self.point is not None
        self.cold()
        self.shown_new, self.offered = False, ""
        since = self.sim.state()["last_seq"]
        with self.daemon.tokens() as watch, self.daemon.admin() as admin:
            self.begin(family, watch, admin)
            self.tracer.kill_at(*self.point)
            try:
                self.enrol(admin)
                self.shown_new = True
            except Closed:
                pass
            self.met = self.tracer.killed(1.0)
            self.kill()  # dead already if it was met
            self.drain(watch)
        for _ in range(500):  # the simulator goes on with what the dead daemon asked
            if all(entry["ended_at"] for entry in self.sim.log(since=since)):
                break
            time.sleep(0.01)
        self.counts["kills"] += 1
        self.daemon.start()
        self.settle()
        return family

    def drain(self, watch: Varlink) -> None:
        at = time.monotonic()
        for _ in range(100):
            try:
                event = watch.receive().get("parameters") or {}
            except Closed:
                return
            if event.get("token") and self.seen(event["token"]["token"], at) != self.serving:
                self.shown_new = True

    def settled(self, admin: Varlink) -> bool:
        """No new grant is still being tried."""
        return "replacement" not in admin.call("GetStatus", accounts=[ACCOUNT])["accounts"][0]

    def settle(self) -> None:
        end = time.monotonic() + HEAL_LIMIT_S
        with self.daemon.admin() as admin:
            while not self.settled(admin):
                if time.monotonic() > end:
                    self.failures.append(f"the new grant is still being tried after {HEAL_LIMIT_S} s")
                    return
                time.sleep(0.01)
            self.judge(admin)

    def judge(self, admin: Varlink) -> None:
        try:
            name = self.get()
            admin.call("RenewAccount", account=ACCOUNT)
            again = self.get()
        except VarlinkError as error:
            self.failures.append(f"neither grant serves: {error}")
            return
        status = admin.call("GetStatus", accounts=[ACCOUNT])
        if status["daemon"]["alarms"] or status["accounts"][0]["state"] != "fresh":
            self.failures.append(f"served, but its status is {status}")
        if again != name:
            self.failures.append(f"served by {name}, then by {again}")
        is_new = name != self.serving
        if is_new and self.offered not in ("", name):
            self.failures.append(f"served by {name}, which is neither the old grant nor the new")
        if self.shown_new and not is_new:
            self.failures.append("the new grant was shown to be in place, and the old one serves")
        tried = self.sim.family(self.offered, self.persona)["presentations"] if self.offered else []
        if tried and not is_new and all(one["ok"] for one in tried):
            self.failures.append("the provider spent the new grant and refused nothing, and the old one serves")
        self.counts["new serves" if is_new else "old serves"] += 1
        self.serving = name


class LoginPoints(EnrolPoints):
    what = "login"

    def enrol(self, admin: Varlink) -> None:
        admin.send("Login", {"account": ACCOUNT, "flows": ["device"]}, more=True)
        code = admin.receive()["parameters"]["user_code"]
        self.sim.post("/device", persona="oauth2", do="approve", user_code=code)
        admin.receive()


class CandidatePoints(EnrolPoints):
    what = "candidate"
    made = 0

    def enrol(self, admin: Varlink) -> None:
        self.made += 1
        self.offered = f"candidate-{self.made}"
        seeded = self.sim.seed("oauth2", family=self.offered)
        admin.call("AddAccount", account=ACCOUNT, replace=True, secrets={"refresh_token": seeded["refresh_token"]})
