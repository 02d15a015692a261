"""unittest, told as TAP."""

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


def main(module):
    loader = unittest.defaultTestLoader
    if len(sys.argv) > 1:
        suite = loader.loadTestsFromNames(sys.argv[1:], module)
    else:
        suite = loader.loadTestsFromModule(module)
    print("1..%d" % suite.countTestCases())
    sys.stdout.flush()
    outcome = Tap()
    suite.run(outcome)
    sys.exit(not outcome.wasSuccessful())
