#!/usr/bin/python3
"""The hub's queries over records, and the events that mounts follow."""

import sys

import tap
from controller_case import Case


@tap.check
class Questions(Case):
    @tap.check
    def test_one_that_takes_too_long_is_given_up(self):
        c, other = self.client(), self.client()
        for _ in range(3):
            c.submit(b"x" * (6 << 20))
        each = [{"content": {"$glob": "no%d" % i}} for i in range(900)]
        slow = other.frames("db_request", {"query": {"$or": each}})[1]
        other.query.send_multipart(slow)
        # Perhaps in the same transaction.
        small = c.submit(b":")
        self.assertEqual(small["status"], "pending")
        m = other.receive(other.query)
        self.assertEqual(m.content["status"], "error")
        self.assertEqual(m.content["ename"], "TimeoutError")
        ask = {"query": {"msg_id": small["task"]["msg_id"]}, "keys": ["msg_id"]}
        self.assertEqual(len(c.ask("db_request", ask).content["records"]), 1)
        self.assertEqual(c.result(4)["status"], "pending")
        self.assertEqual(c.counters()["store_errors"], 0)

    def test_a_part_of_a_string_is_found_at_once(self):
        c = self.client()
        c.submit(b"x" * (8 << 20))
        c.submit(b"hello world")
        for parts, n in (
            (["x" * (4 << 20) + "y" + "x" * 9], 0),
            (["hello", "wor"], 1),
            (["hello", "word"], 0),
            ([""], 2),
        ):
            ask = {"query": {"content": {"$all": parts}}, "keys": ["msg_id"]}
            found = c.ask("db_request", ask).content["records"]
            self.assertEqual(len(found), n, parts[0][:9])

    def test_a_pattern_is_no_book(self):
        c = self.client()
        ask = {"query": {"content": {"$glob": "*x" * 1000}}}
        self.assertEqual(c.ask("db_request", ask).content["ename"], "ValueError")


@tap.check
class Events(Case):
    def test_they_are_numbered_without_gaps(self):
        c, e = self.pair()
        last = c.receive(c.events).content["seq"]
        for i in range(1, 20):
            c.submit(b":")
            e.reply(e.take(), exit_status=0)
        seen = set()
        while len(seen) < 19:
            m = c.receive(c.events).content
            self.assertEqual(m["seq"], last + 1)
            last = m["seq"]
            for change in m["changes"]:
                r = change.get("result", {})
                if r.get("status") == "ok":
                    seen.add(r["id"])

    def test_what_changed_since(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        seq = c.ask("results_request", {}).content["seq"]
        c.submit(b":")
        c.ask("control_request", {"result": 1, "verb": "purge"})
        again = c.ask("results_request", {"since": seq}).content
        self.assertEqual([r["id"] for r in again["results"]], [2])
        self.assertEqual(again["purged"], [1])
        self.assertFalse(again["reset"])


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
