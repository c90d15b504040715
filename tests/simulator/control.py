"""The control port: plain HTTP with JSON on loopback. GET / lists what it can do.

Everything is answered at once but /wait, which returns when enough requests have come or the time is over.
"""
import asyncio
import inspect
import json
from typing import Any, Awaitable, Callable

from book import Entry
from faults import BadFault
from invariants import check
from kinds import describe
from message import BadRequest, Reply, Request, json_reply, read_body, read_head
from personas.base import BadWish, Persona
from server import World, listening_socket
from stream import Gone, Stream
from wire import send

HELP = """\
GET  /               this text
GET  /kinds          the fault kinds
GET  /state          personas with switches, accounts, families and counters; faults; clock; canary
GET  /log            requests, secrets marked. ?since=SEQ ?persona= ?account= ?raw=1 (bytes in base64, with secrets)
GET  /connections    ended connections and why
GET  /secrets        every secret with its label, to grep for
GET  /faults         armed and spent faults
POST /arm            {"kind": ..., parameters, "match": {"persona","account","path","method","what"}, "nth": 1,
                     "count": 1 (0: for ever), "chance": 1.0} or a list of them
POST /clear          {} all faults, {"id": 3} one
POST /switch         {"persona": "webroot", "old_rt": "grace", "grace_s": 3, ...}
POST /seed           {"persona": "webroot", "family": "fam1", ...}: an account with its first grant, no browser needed
POST /revoke         {"persona": "webroot", "account": "fam1"}: the provider takes the grant back
POST /valid          {"persona": "webroot", "token": "..."}: is this access token good now?
POST /redeem         {"persona": "readyplayerme", "token": "..."}: the token at its point of use; one that has expired by then
                     is a violation
POST /device         {"persona": "oauth2", "do": "approve|deny|expire|slow_down", "user_code": the newest, "user": ...}
POST /advance        {"seconds": 3600}: the virtual clock
POST /wait           {"persona", "account", "what", "phase": "received|processed|answered|ended", "count": 1, "since": SEQ,
                     "timeout_s": 10}: until so many such requests have come
POST /check          {"budget": N, "ignore": ["retry_after"], "final_gap_s": S}: the invariants; with final_gap_s also no
                     call sooner than that after a refusal that no repetition changes
POST /forget         drops log, counters and violations, keeps accounts
POST /renew_ca       a new CA from now on; the CA file is replaced
POST /shutdown
"""
WAIT_MAX_S = 300.0
Answer = Any


class Control:
    def __init__(self, world: World, port: int, stop: asyncio.Event) -> None:
        self.world, self.stop = world, stop
        self.sock = listening_socket(port)
        self.port: int = self.sock.getsockname()[1]
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.sock)
            sock.setblocking(False)
            task = loop.create_task(self._connection(Stream(sock)))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _connection(self, stream: Stream) -> None:
        try:
            while (request := await read_head(stream)) is not None:
                await read_body(stream, request)
                await send(stream, await self._answer(request), self.world.clock, None, request.keep_alive())
                if not request.keep_alive():
                    break
        except (Gone, BadRequest):
            pass
        finally:
            stream.drop()

    async def _answer(self, request: Request) -> Reply:
        name = f"{request.method.lower()}_{request.path.strip('/') or 'help'}"
        handler: Callable[[dict[str, Any]], Answer | Awaitable[Answer]] | None = getattr(self, name, None)
        if handler is None:
            return json_reply({"error": f"no {request.method} {request.path}; GET / lists what there is"}, 404)
        try:
            wish = json.loads(request.body or b"{}") if request.method == "POST" else dict(request.query)
            answer = handler(wish)
            answer = await answer if inspect.isawaitable(answer) else answer
        except (BadFault, BadWish, ValueError, KeyError, TypeError, AttributeError) as problem:
            return json_reply({"error": f"{type(problem).__name__}: {problem}"}, 400)
        if isinstance(answer, str):
            return Reply(body=answer.encode(), content_type="text/plain; charset=utf-8")
        return json_reply(answer)

    def _persona(self, wish: dict[str, Any]) -> Persona:
        name = wish.pop("persona", "")
        if name not in self.world.personas:
            raise BadWish(f"no persona {name!r}; there are: {', '.join(self.world.personas)}")
        return self.world.personas[name]

    # -- looking --
    def get_help(self, _: dict[str, Any]) -> str:
        return HELP

    def get_kinds(self, _: dict[str, Any]) -> str:
        return describe() + "\n"

    def get_state(self, _: dict[str, Any]) -> Answer:
        world = self.world
        return {"now": world.clock.now(), "offset_s": world.clock.offset_s, "last_seq": world.book.last_seq,
                "connections": world.book.connections, "faults": world.faults.shown(),
                "personas": {name: {"switches": persona.settings, **persona.dump()}
                             for name, persona in world.personas.items()}}

    def get_log(self, wish: dict[str, str]) -> Answer:
        raw, since = wish.get("raw") == "1", int(wish.get("since", "0"))
        return [entry.shown(raw) for entry in self.world.book.log if entry.seq > since and fits(entry, wish)]

    def get_connections(self, _: dict[str, Any]) -> Answer:
        return list(self.world.book.connection_ends)

    def get_secrets(self, _: dict[str, Any]) -> Answer:
        book = self.world.book
        return [{"label": label, "value": value} for value, label in [*book.tokens.items(), *book.phrases.items()]]

    def get_faults(self, _: dict[str, Any]) -> Answer:
        return self.world.faults.shown()

    # -- changing --
    def post_arm(self, wish: Any) -> Answer:
        wishes = wish if isinstance(wish, list) else [wish]
        return {"ids": [self.world.faults.arm(one).id for one in wishes]}

    def post_clear(self, wish: dict[str, Any]) -> Answer:
        return {"cleared": self.world.faults.clear(wish.get("id"))}

    def post_switch(self, wish: dict[str, Any]) -> Answer:
        persona = self._persona(wish)
        for name, value in wish.items():
            persona.switch(name, value)
        return persona.settings

    def post_seed(self, wish: dict[str, Any]) -> Answer:
        return self._persona(wish).seed(wish)

    def post_revoke(self, wish: dict[str, Any]) -> Answer:
        self._persona(wish).revoke(wish["account"])
        return {}

    def post_valid(self, wish: dict[str, Any]) -> Answer:
        return self._persona(wish).valid(wish["token"])

    def post_redeem(self, wish: dict[str, Any]) -> Answer:
        return self._persona(wish).redeem(wish["token"])

    def post_device(self, wish: dict[str, Any]) -> Answer:
        return self._persona(wish).device(wish)

    def post_advance(self, wish: dict[str, Any]) -> Answer:
        return {"now": self.world.clock.advance(float(wish["seconds"]))}

    async def post_wait(self, wish: dict[str, Any]) -> Answer:
        phase, count, since = wish.get("phase", "received"), int(wish.get("count", 1)), int(wish.get("since", 0))
        if phase not in REACHED:
            raise BadWish(f"phase is one of {', '.join(REACHED)}")
        book, found = self.world.book, 0
        try:
            async with asyncio.timeout(min(float(wish.get("timeout_s", 10)), WAIT_MAX_S)), book.changed:
                while True:
                    found = count_reached(book.log, since, wish, phase, count)
                    if found >= count:
                        break
                    await book.changed.wait()
        except TimeoutError:
            pass
        return {"found": found, "enough": found >= count, "last_seq": book.last_seq}

    def post_check(self, wish: dict[str, Any]) -> Answer:
        return check(self.world, wish.get("budget"), wish.get("ignore", []), wish.get("final_gap_s"))

    def post_forget(self, _: dict[str, Any]) -> Answer:
        self.world.book.forget()
        for persona in self.world.personas.values():
            persona.forget()
        return {}

    def post_renew_ca(self, _: dict[str, Any]) -> Answer:
        self.world.contexts.renew()
        return {"ca_file": str(self.world.contexts.ca_file)}

    def post_shutdown(self, _: dict[str, Any]) -> Answer:
        asyncio.get_running_loop().call_later(0.05, self.stop.set)
        return {}


REACHED: dict[str, Callable[[Entry], bool]] = {
    "received": lambda entry: bool(entry.what),
    "processed": lambda entry: entry.processed,
    "answered": lambda entry: entry.answered_at is not None,
    "ended": lambda entry: entry.ended_at is not None,
}


def fits(entry: Entry, wish: dict[str, Any]) -> bool:
    names = (entry.account, entry.client, entry.family)
    return (wish.get("persona") in (None, entry.persona) and wish.get("what") in (None, entry.what)
            and (wish.get("account") is None or wish["account"] in names))


def count_reached(log: Any, since: int, wish: dict[str, Any], phase: str, enough: int) -> int:
    """Newest first, and no further back than needed: the log may be long."""
    found = 0
    for entry in reversed(log):
        if entry.seq <= since or found >= enough:
            break
        found += fits(entry, wish) and REACHED[phase](entry)
    return found
