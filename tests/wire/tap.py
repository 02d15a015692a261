"""unittest, told as TAP."""

import os
import sys
import unittest


class Tap(unittest.TestResult):
    def say(self, word, test, why=""):
        name = test.id().removeprefix("__main__.")
        print("%s %d - %s" % (word, self.testsRun, name))
        for line in why.splitlines():
            print("# " + line)
        sys.stdout.flush()

    def addSuccess(self, test):
        self.say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not ok", test, self.errors[-1][1])


def part(suite, which):
    """Of the classes of a file the which = "1/3"rd part, by how many tests they
    have."""
    n, of = map(int, which.split("/"))
    parts = [unittest.TestSuite() for _ in range(of)]
    for of_class in sorted(suite, key=lambda s: -s.countTestCases()):
        min(parts, key=lambda s: s.countTestCases()).addTest(of_class)
    return parts[n - 1]


def main(module):
    loader = unittest.defaultTestLoader
    if len(sys.argv) > 1:
        suite = loader.loadTestsFromNames(sys.argv[1:], module)
    else:
        suite = loader.loadTestsFromModule(module)
    if "PART" in os.environ:
        suite = part(suite, os.environ.pop("PART"))
    print("1..%d" % suite.countTestCases())
    sys.stdout.flush()
    outcome = Tap()
    suite.run(outcome)
    sys.exit(not outcome.wasSuccessful())
