"""Client sections of every provider, pointed at a simulator's personas. Secrets of clients are files of one test's folder."""
from pathlib import Path
from typing import Any

IMMERSVE_APP, IMMERSVE_ORIGIN = "29097f50d221858223a17633e36716f9", "https://app.example.com"
PLAYFAB_KEY, OAUTH2_SECRET = "sk_test_playfab_title_1", "cs_test_oauth2_1"
PARTNER, AVATAR_KEY = "demo", "sk_test_readyplayerme_1"


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f'{key} = {toml(one)}' for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    return str(value) if isinstance(value, (int, float)) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def section(name: str, keys: dict[str, Any]) -> str:
    """A [clients.NAME]; a key that is None is left out."""
    return f"[clients.{name}]\n" + "".join(f"{key} = {toml(one)}\n" for key, one in keys.items() if one is not None) + "\n"


class Clients:
    """Makes sections for one simulator; `more` keys win over those that are set here."""

    def __init__(self, sim: Any, folder: Path) -> None:
        self.sim, self.folder = sim, folder

    def secret(self, name: str, value: str) -> dict[str, str]:
        path = self.folder / f"{name}.secret"
        path.write_text(value + "\n")
        path.chmod(0o600)
        return {"file": str(path)}

    def _section(self, name: str, provider: str, keys: dict[str, Any], more: dict[str, Any]) -> str:
        start = {"provider": provider, "base_url": self.sim.url(provider), "ca_file": self.sim.ca_file}
        return section(name, {**start, **keys, **more})

    def webroot(self, name: str = "shop", **more: Any) -> str:
        keys = {"client_id": "client_Test@example.com", "client_secret": self.secret(name, "cs_test_webroot_1"),
                "scopes": ["ecom.shop"]}
        return self._section(name, "webroot", keys, more)

    def threekit(self, name: str = "models", **more: Any) -> str:
        return self._section(name, "threekit", {}, more)

    def readyplayerme(self, name: str = "avatars", **more: Any) -> str:
        return self._section(name, "readyplayerme", {"partner": PARTNER, "api_key": self.secret(name, AVATAR_KEY)}, more)

    def immersve(self, name: str = "cards", **more: Any) -> str:
        return self._section(name, "immersve", {"client_id": IMMERSVE_APP, "origin": IMMERSVE_ORIGIN}, more)

    def playfab(self, name: str = "title", title: str = "A1B2C", **more: Any) -> str:
        keys: dict[str, Any] = {"title_id": title, "base_url": f"{self.sim.url('playfab')}/{title}"}
        if more.get("mode", "secret") == "secret" or "fallback" in more:
            keys["secret_key"] = self.secret(name, PLAYFAB_KEY)
        return self._section(name, "playfab", keys, more)

    def oauth2(self, name: str = "chat", **more: Any) -> str:
        keys = {"token_url": "/oauth2/token", "client_id": "client-1", "client_secret": self.secret(name, OAUTH2_SECRET)}
        return self._section(name, "oauth2", keys, more)
