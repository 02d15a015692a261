#!/usr/bin/python3
"""A test that hangs says where."""

import os
import sys
import threading
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "wire"))

import tap  # noqa: E402


class Hangs(unittest.TestCase):
    def test_an_event_that_never_comes(self):
        tap.explain.append(lambda: print("# what a test can tell"))
        threading.Event().wait()


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
