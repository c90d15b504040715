"""A renewal is acknowledged when it is on the disk: what that costs beside the disk itself."""
import shutil

from lab.context import Context
from lab.figure import Figure, compared

NAME = "store"
ORDER = 60
WHY = "p50 of one renewal's durable commit (sealed row, keyed sums, WAL, fdatasync) against an overwrite of 4 KiB and fdatasync, in turns"

COMMITS = 200  # of one each, a round; and a group of 64 for each eighth


def measure(context: Context) -> list[Figure]:
    commits = 20 if context.quick else COMMITS
    filled = context.filled(20_000, provider="oauth2")
    rounds = []
    for _ in range(context.rounds):
        state = context.folder("store") / "state"
        shutil.copytree(filled, state)
        state.chmod(0o700)
        rounds.append(context.processes.run_json([context.tool("commit_load"), "--state", str(state), "--rounds", str(commits)]))
        shutil.rmtree(state)
    floors = [one["floor_us"] for one in rounds]
    per_renewal = [one["group_us"] / one["groups_of"] for one in rounds]
    return [compared("durable commit of one renewal, p50", "us", [one["commit_us"] for one in rounds], floors, bar=2.0),
            compared("durable commit of a renewal in a group of 64, each", "us", per_renewal, floors)]
