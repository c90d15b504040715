"""What a PlayFab title holds: entities with their relations, session tickets, entity tokens."""
import time
from dataclasses import dataclass, field

TYPES = ("title", "master_player_account", "title_player_account", "character")
COUNTERS = ("entity_logged_in", "by_secret", "by_ticket", "by_entity")


@dataclass
class Entity:
    id: str
    type: str
    player: str = ""  # whose: entities of one player are relations of each other
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))

    def key(self, typed: bool = False) -> dict[str, str]:
        return {"Id": self.id, "Type": self.type, **({"TypeString": self.type} if typed else {})}

    def related(self, other: "Entity") -> bool:
        return other is self or bool(self.player) and self.player == other.player

    def lineage(self, title: str) -> dict[str, str]:
        return {"TitleId": title, **({"TitlePlayerAccountId": self.player} if self.player else {})}


@dataclass
class Issued:
    """A session ticket or an entity token."""
    entity: Entity
    expires_at: float
    revoked: bool = False


class Title:
    def __init__(self, name: str) -> None:
        self.id, self.secret_key, self.minted = name, "", 0
        self.entity = Entity(name, "title")
        self.entities: dict[tuple[str, str], Entity] = {(name, "title"): self.entity}
        self.tickets: dict[str, Issued] = {}
        self.tokens: dict[str, Issued] = {}

    def find(self, name: str, kind: str) -> Entity | None:
        """Ids are compared without regard to case, as hex numbers are."""
        return self.entities.get((name.upper(), kind))

    def _add(self, name: str, kind: str, player: str) -> Entity:
        return self.entities.setdefault((name.upper(), kind), Entity(name, kind, player))

    def add_player(self, player: str, master: str, characters: list[str]) -> Entity:
        self._add(master, "master_player_account", player)
        for character in characters:
            self._add(character, "character", player)
        return self._add(player, "title_player_account", player)

    def revoke_tokens(self, entity: Entity) -> None:
        for token in self.tokens.values():
            token.revoked = token.revoked or token.entity is entity

    def revoke_tickets(self, entity: Entity) -> None:
        for ticket in self.tickets.values():
            ticket.revoked = ticket.revoked or ticket.entity is entity


def expiration_text(at: float, form: str, digits: int) -> str | None:
    """ISO 8601 in UTC, with the fraction cut (never later than it is)."""
    if form in ("missing", "malformed"):
        return None if form == "missing" else "2026-02-30T25:61:00Z"
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    if digits:
        text += f".{int((at % 1) * 10_000_000):07d}"[:digits + 1]
    return text + {"Z": "Z", "offset": "+00:00", "no_zone": ""}[form]
