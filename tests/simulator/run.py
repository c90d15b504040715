#!/usr/bin/env python3
"""Starts the provider simulator: token providers as TLS servers on 127.0.0.1, with faults on demand.

Prints one line of JSON when it is ready, and serves until it gets SIGTERM, SIGINT or POST /shutdown.
"""
import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from book import Book
from ca import Contexts
from clock import Clock
from control import HELP, Control
from faults import Faults
from kinds import describe
from personas import PERSONAS
from personas.base import BadWish
from server import Listener, World, warm_up

EXAMPLE = """\
how to use it without a browser:
  python3 tests/simulator/run.py --dir /tmp/sim > /tmp/sim.json &
  C=$(python3 -c 'import json; print(json.load(open("/tmp/sim.json"))["control"])')
  curl -s $C/                                                                    # what the control port can do
  curl -s $C/seed -d '{"persona": "webroot", "family": "fam1"}'                  # an account and its refresh token
  curl -s $C/seed -d '{"persona": "immersve"}'; curl -s $C/seed -d '{"persona": "playfab", "title": "A1B2C"}'
  curl -s $C/seed -d '{"persona": "oauth2", "client_id": "cli", "auth_method": "none", "first": false}'
  curl -s $C/device -d '{"persona": "oauth2", "do": "approve"}'                  # as the person at the browser
  curl -s $C/advance -d '{"seconds": 1200}'                                      # the virtual clock: nobody waits
  curl -s $C/switch -d '{"persona": "webroot", "access_lifetime_s": 5, "old_rt": "revoke_family"}'
  curl -s $C/arm -d '{"kind": "status", "status": 429, "retry_after": "imf", "retry_after_s": 3}'
  curl -s $C/arm -d '{"kind": "reset_after", "match": {"account": "fam1"}, "nth": 2}'
  curl -s $C/log; curl -s $C/check -d '{"budget": 20}'
A client trusts the file named "ca_file" and calls https://localhost:PORT.
"""


def help_text() -> str:
    personas = []
    for name, persona in PERSONAS.items():
        personas.append(f"  {name}: {persona.text}")
        personas.append(f"    seed: {json.dumps(persona.seeds)}")
        for switch, known in persona.switches.items():
            choices = f" ({', '.join(map(str, known.choices))})" if known.choices else ""
            personas.append(f"    {switch} = {known.default!r}: {known.text}{choices}")
    return "\n".join(["personas, what /seed takes with its defaults, and their switches (all have latency_ms, latency_after_ms):", *personas, "", "fault kinds [parameters with defaults]:",
                      describe(), "", "control port:", HELP, EXAMPLE])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=help_text(),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persona", action="append", choices=sorted(PERSONAS), help="only these (default: all)")
    parser.add_argument("--port", action="append", default=[], metavar="NAME=PORT",
                        help="a fixed TLS port for a persona (default 0: chosen)")
    parser.add_argument("--http", action="store_true", help="a plain HTTP port on loopback for each persona too")
    parser.add_argument("--control-port", type=int, default=0, help="default 0: chosen")
    parser.add_argument("--dir", type=Path, help="where the throw-away CA lives and stays (default: a temporary folder)")
    parser.add_argument("--seed", type=int, default=0, help="of tokens and chances; 0: drawn from the system")
    parser.add_argument("--set", action="append", default=[], metavar="PERSONA.SWITCH=JSON", help="a switch at start")
    parser.add_argument("--stop-on-eof", action="store_true", help="stop when standard input ends (for test harnesses)")
    return parser.parse_args()


def make_world(options: argparse.Namespace, folder: Path) -> World:
    seed = options.seed or int.from_bytes(os.urandom(6), "big")
    clock, rng = Clock(), random.Random(seed)
    book = Book(clock)
    names = options.persona or list(PERSONAS)
    personas = {name: PERSONAS[name](clock, book, random.Random(rng.getrandbits(64))) for name in names}
    for wish in options.set:
        path, _, value = wish.partition("=")
        name, _, switch = path.partition(".")
        if name not in personas:
            raise BadWish(f"--set {wish}: no persona {name!r}")
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        personas[name].switch(switch, parsed)
    return World(clock, book, Faults(seed), Contexts(folder), personas)


def open_ports(world: World, options: argparse.Namespace) -> tuple[list[Listener], dict[str, Any]]:
    fixed = dict(pair.split("=", 1) for pair in options.port)
    if unknown := set(fixed) - set(world.personas):
        raise BadWish(f"--port: no persona {', '.join(sorted(unknown))}")
    listeners, shown = [], {}
    for name in world.personas:
        tls = Listener(world, name, int(fixed.get(name, 0)), True)
        listeners.append(tls)
        shown[name] = {"port": tls.port, "url": f"https://localhost:{tls.port}"}
        if options.http:
            plain = Listener(world, name, 0, False)
            listeners.append(plain)
            shown[name]["http_url"] = f"http://127.0.0.1:{plain.port}"
    canary, plain_canary = Listener(world, "canary", 0, True), Listener(world, "canary_http", 0, False)
    world.places = {"canary": f"https://localhost:{canary.port}", "canary_http": f"http://localhost:{plain_canary.port}"}
    return [*listeners, canary, plain_canary], shown


async def serve(options: argparse.Namespace, folder: Path) -> None:
    world, stop, loop = make_world(options, folder), asyncio.Event(), asyncio.get_running_loop()
    listeners, shown = open_ports(world, options)
    control = Control(world, options.control_port, stop)
    warm_up(world.contexts, [*world.personas, "canary"])
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.stop_on_eof:
        loop.add_reader(0, lambda: None if os.read(0, 4096) else stop.set())
    tasks = [loop.create_task(part.run()) for part in listeners] + [loop.create_task(control.run())]
    print(json.dumps({"ready": True, "pid": os.getpid(), "control": f"http://127.0.0.1:{control.port}",
                      "ca_file": str(world.contexts.ca_file), "personas": shown, **world.places}), flush=True)
    waiter = loop.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, waiter], return_when=asyncio.FIRST_COMPLETED)
    for task in [*tasks, waiter]:
        task.cancel()
    for task in done - {waiter}:
        task.result()  # a listener that ended is a bug: show it


def main() -> int:
    options = arguments()
    temporary = None if options.dir else tempfile.mkdtemp(prefix="tb-simulator-")
    try:
        asyncio.run(serve(options, Path(temporary) if temporary else options.dir.absolute()))
    except (BadWish, OSError) as problem:
        print(f"simulator: {problem}", file=sys.stderr)
        return 1
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
