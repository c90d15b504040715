"""The judge of the kill test, against forged histories: it must see each crime, and not accuse who did nothing."""
import random
import unittest
from collections import Counter
from typing import Any

from harness.kill_world import Family, KillWorld


class ForgedSimulator:
    """Answers what the judge asks, from a history: (time, token presented, successor or None, delivered)."""

    def __init__(self, history: list[tuple[float, int, int | None, bool]]) -> None:
        self.entries = [{"seq": seq, "delivered": row[3]} for seq, row in enumerate(history)]
        self.view: dict[str, Any] = {
            "presentations": [{"seq": seq, "at": at, "n": n, "ok": new is not None, "new_n": new}
                              for seq, (at, n, new, _) in enumerate(history)],
            "counters": {"used_after_successor_used": 0, "unknown_outcome_replays": 0}, "tokens": []}
        spent = {n for _, n, new, _ in history if new is not None}
        newest = max([0, *(new for _, _, new, _ in history if new is not None)])
        self.view["tokens"] = [{"n": n, "spent": n in spent} for n in range(newest + 1)]
        highest = -1
        for _, n, _, _ in history:
            self.view["counters"]["used_after_successor_used"] += n < highest
            highest = max(highest, n)

    def family(self, *_: str) -> dict[str, Any]:
        return self.view

    def log(self, **_: Any) -> list[dict[str, Any]]:
        return self.entries


class Judge(unittest.TestCase):
    def world(self, policy: str, history: list[tuple[float, int, int | None, bool]], shown: list[tuple[float, int]],
              killed: list[float]) -> tuple[KillWorld, Family]:
        world = KillWorld.__new__(KillWorld)  # the judge alone: no daemon, no simulator
        world.sim, world.policy, world.random = ForgedSimulator(history), policy, random.Random(1)
        world.failures, world.killed, world.counts = [], killed, Counter()
        family = Family("forged")
        family.committed = shown
        return world, family

    def test_spent_again_after_commit(self) -> None:
        world, family = self.world("still_valid", [(1, 0, 1, True), (3, 0, 2, True)], [(1.5, 1)], [2.0])
        world.judge_spending(family)
        self.assertEqual(world.counts["double spent"], 1)
        self.assertIn("was presented after 1 was committed", world.failures[0])

    def test_spent_again_before_commit_is_a_replay(self) -> None:
        world, family = self.world("grace", [(1, 0, 1, True), (3, 0, 1, True)], [(3.5, 1)], [2.0])
        world.judge_spending(family)
        self.assertEqual((world.failures, world.counts["double spent"]), ([], 0))

    def test_used_after_its_successor_was_used(self) -> None:
        world, family = self.world("still_valid", [(1, 0, 1, True), (2, 1, 2, True), (3, 0, 3, True)], [], [2.5])
        world.judge_spending(family)
        self.assertEqual(world.counts["double spent"], 1)

    def test_lost_after_commit(self) -> None:
        for policy in ("reject", "grace", "revoke_family", "still_valid"):
            world, family = self.world(policy, [(1, 0, 1, True)], [(1.5, 1)], [2.0])
            world.judge_loss(family, "login_required")
            self.assertEqual((world.counts["lost after commit"], len(world.failures)), (1, 1), policy)

    def test_lost_before_commit_depends_on_the_policy(self) -> None:
        for policy, failures in (("reject", 0), ("revoke_family", 0), ("grace", 1), ("still_valid", 1)):
            world, family = self.world(policy, [(1, 0, 1, False), (3, 0, None, True)], [(0.5, 0)], [2.0])
            world.judge_loss(family, "login_required")
            self.assertEqual((world.counts["lost"], len(world.failures)), (1, failures), policy)

    def test_refused_token_sent_again(self) -> None:
        refused_twice = [(1.0, 0, 1, False), (2.0, 0, None, True), (3.0, 0, None, True)]
        for history, killed, failures in (
            (refused_twice, [1.5], 1),  # nothing happened between the refusal and the second try
            (refused_twice, [1.5, 2.1], 0),  # killed before it can have been stored
            ([(1.0, 0, 1, False), (2.0, 0, None, False), (3.0, 0, None, True)], [1.9], 0),  # nobody got the refusal
        ):
            world, family = self.world("reject", history, [], killed)
            world.judge_spending(family)
            self.assertEqual(len(world.failures), failures, (history, killed))


if __name__ == "__main__":
    unittest.main()
