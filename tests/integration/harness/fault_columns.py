"""The providers as the fault matrix needs them: an account of each, how it is renewed, and what a renewal reported.

A lane is one account that takes one fault after another; a fault is armed for that account's calls alone.
"""
import time
from dataclasses import dataclass
from typing import Any

from harness.clients import Clients
from harness.fault_rows import COLUMNS
from harness.varlink import VarlinkError

LANES = ("a", "b")
# Beside its lanes a column has accounts with tokens of 3 s, whose exchanges end soon, and one behind another origin.
SLOW_LANES = tuple(f"s{number}" for number in range(5))
ELSEWHERE = "w"
LIFETIMES_S = {"webroot": 299.0, "immersve": 1200.0, "oauth2": 3600.0}
SHORT_S = 3.0


@dataclass
class Lane:
    column: "Column"
    name: str  # of the account behind the slash
    account: str
    match: str = ""  # what the simulator knows the account by
    seeds: int = 0


class Column:
    """What most have in common: a refresh token of a family."""
    persona = ""
    client = ""  # of the lanes; the slow ones have -slow and the one elsewhere -elsewhere
    token_member = "access_token"
    slow_keys: dict[str, Any] = {"policy": "on_demand"}  # no timer renews tokens of 3 s
    tries = 1  # how many requests one renewal may make
    keeps_token = True  # a token in hand is served whatever a renewal does
    loses_grant = True  # REAUTH is stored: the account needs a new grant

    def __init__(self, name: str, sim: Any) -> None:
        self.name, self.sim = name, sim
        self.client = self.client or self.persona
        self.lanes = {name: self.lane(name) for name in (*LANES, *SLOW_LANES, ELSEWHERE)}

    def lane(self, name: str) -> Lane:
        suffix = "-slow" if name in SLOW_LANES else "-elsewhere" if name == ELSEWHERE else ""
        return Lane(self, name, f"{self.client}{suffix}/{name}")

    def elsewhere(self, path: str = "") -> str:
        return f"https://127.0.0.1:{self.sim.port(self.persona)}{path}"

    def sections(self, clients: Clients) -> str:
        make = getattr(clients, self.persona)
        return str(make(self.client) + make(f"{self.client}-slow", **self.slow_keys)
                   + make(f"{self.client}-elsewhere", base_url=self.elsewhere()))

    def seed(self, lane: Lane) -> dict[str, str]:
        """A new grant at the provider; the secrets to enrol it with."""
        lane.match = f"{self.name.replace(' ', '-')}-{lane.name}-{lane.seeds}"
        lane.seeds += 1
        return {"refresh_token": self.sim.seed(self.persona, family=lane.match)["refresh_token"]}

    def enrol(self, daemon: Any, lane: Lane, replace: bool = False) -> None:
        secrets = self.seed(lane)
        for _ in range(500):
            try:
                with daemon.admin() as admin:
                    admin.call("AddAccount", account=lane.account, secrets=secrets, replace=replace)
                return
            except VarlinkError as error:
                if "another account is being enrolled" not in str(error):
                    raise
                time.sleep(0.01)
        raise AssertionError(f"{lane.account}: there was always another enrolment")

    def before(self, lane: Lane) -> None:
        """Ahead of each fault."""

    def renew(self, daemon: Any, lane: Lane) -> tuple[str, str]:
        """"" for a success, else class and reason of the failure."""
        try:
            with daemon.admin() as admin:
                admin.call("RenewAccount", account=lane.account, timeout_ms=45_000)
        except VarlinkError as error:
            if error.short != "RenewalFailed" or error.parameters["account"] != lane.account:
                raise
            return str(error.parameters["class"]), str(error.parameters["reason"])
        return "", ""

    heal = renew

    def token(self, daemon: Any, lane: Lane) -> str:
        with daemon.tokens() as tokens:
            return str(tokens.call("GetToken", account=lane.account)["token"]["token"])


class Webroot(Column):
    persona = "webroot"


class Immersve(Column):
    persona, token_member = "immersve", "accessToken"


class OAuth2Refresh(Column):
    persona = "oauth2"


class OAuth2Client(Column):
    persona, client, loses_grant = "oauth2", "oauth2-app", False

    def lane(self, name: str) -> Lane:
        return Lane(self, name, f"oauth2-app-{name}/main", match=f"app-{name}:app")

    def sections(self, clients: Clients) -> str:
        text = ""
        for name, lane in self.lanes.items():
            more: dict[str, Any] = {"policy": "on_demand"} if name in SLOW_LANES else {}
            if name == ELSEWHERE:
                more = {"base_url": self.elsewhere()}
            text += clients.oauth2(f"oauth2-app-{name}", grant="client_credentials", client_id=f"app-{name}", **more)
        return text

    def seed(self, lane: Lane) -> dict[str, str]:
        self.sim.seed("oauth2", client_id=f"app-{lane.name}", first=False)
        return {}


class Threekit(Column):
    persona, slow_keys, loses_grant = "threekit", {}, False

    def seed(self, lane: Lane) -> dict[str, str]:
        lane.match = f"static-{lane.name}"
        return {"token": self.sim.seed("threekit", name=lane.match)["token"]}


class PlayFabSecret(Column):
    """A title of its own for each lane: the simulator knows a call by its entity."""
    persona, client, token_member, loses_grant = "playfab", "title", "data.EntityToken", True

    def lane(self, name: str) -> Lane:
        return Lane(self, name, f"title-{name}/main", match=f"TITLE{name.upper()}")

    def sections(self, clients: Clients) -> str:
        return "".join(clients.playfab(f"title-{name}", lane.match, **(
            {"base_url": self.elsewhere(f"/{lane.match}")} if name == ELSEWHERE else {})) for name, lane in self.lanes.items())

    def seed(self, lane: Lane) -> dict[str, str]:
        self.sim.seed("playfab", title=lane.match, player=f"PLAYER{lane.name}")
        return {}


class PlayFabEntity(Column):
    persona, client, token_member = "playfab", "player", "data.EntityToken"

    def sections(self, clients: Clients) -> str:
        return (clients.playfab("player", "PLAYERS", mode="entity") + clients.playfab("player-slow", "PLAYERS", mode="entity")
                + clients.playfab("player-elsewhere", "PLAYERS", mode="entity", base_url=self.elsewhere("/PLAYERS")))

    def seed(self, lane: Lane) -> dict[str, str]:
        lane.match = f"ENTITY-{lane.name}".upper()
        return {"entity_token": self.sim.seed("playfab", title="PLAYERS", player=lane.match)["entity_token"]}


class ReadyPlayerMe(Column):
    """Renewed by asking for a token of a user who hasn't one yet. The class is in the account's status."""
    persona, client, token_member, slow_keys = "readyplayerme", "avatars", "data.token", {}
    tries, keeps_token, loses_grant = 2, False, False

    def __init__(self, name: str, sim: Any) -> None:
        super().__init__(name, sim)
        self.users = iter(range(1, 1_000_000))
        self.minted: dict[str, str] = {}

    def seed(self, lane: Lane) -> dict[str, str]:
        self.before(lane)
        return {}

    def before(self, lane: Lane) -> None:
        lane.match = f"{next(self.users):024x}"
        self.sim.seed("readyplayerme", user=lane.match)

    def last_failure(self, daemon: Any, lane: Lane) -> tuple[int, str]:
        with daemon.admin() as admin:
            status = admin.call("GetStatus", accounts=[lane.account])["accounts"][0]
        return status.get("last_failure_at_ms", 0), status.get("last_failure", "")

    def renew(self, daemon: Any, lane: Lane) -> tuple[str, str]:
        before = self.last_failure(daemon, lane)[0]
        try:
            with daemon.tokens() as tokens:
                reply = tokens.call("GetToken", account=lane.account, parameters={"user_id": lane.match})
            self.minted[lane.account] = reply["token"]["token"]
        except VarlinkError as error:
            if error.short not in ("ProviderUnavailable", "Misconfigured", "LoginRequired"):
                raise
        at, text = self.last_failure(daemon, lane)
        return ("", "") if at == before else (text.split("(")[1].split(")")[0], text)

    def heal(self, daemon: Any, lane: Lane) -> tuple[str, str]:
        """An operator's renewal says that there is no user to renew for, and ends the account's pause."""
        found = super().renew(daemon, lane)
        if "user_id" not in found[1]:
            return found
        self.before(lane)
        return self.renew(daemon, lane)

    def token(self, daemon: Any, lane: Lane) -> str:
        return self.minted[lane.account]


KINDS = (Webroot, Threekit, ReadyPlayerMe, Immersve, PlayFabSecret, PlayFabEntity, OAuth2Refresh, OAuth2Client)


def columns(sim: Any) -> list[Column]:
    return [kind(name, sim) for kind, name in zip(KINDS, COLUMNS, strict=True)]
