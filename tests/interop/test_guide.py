#!/usr/bin/python3
"""README.md and the guide, typed where they are about a cluster of ipyparallel."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import mix

sys.path.insert(1, os.path.join(mix.ROOT, "tests"))

import blocks  # noqa: E402

TIER = "check"


def documents():
    """Those with a transcript for ipyparallel."""
    guide = os.path.join(mix.ROOT, "doc", "guide")
    paths = [os.path.join(guide, name) for name in sorted(os.listdir(guide))]
    for path in [os.path.join(mix.ROOT, "README.md"), *paths]:
        if blocks.Document(path).steps["ipyparallel"]:
            yield path


class Guide(mix.Case):
    """The profile `default` of stock engines, with taskfs in PATH."""

    controller = mix.STOCK
    engines = (mix.STOCK, mix.STOCK)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        profiles = os.path.join(mix.HOME, ".ipython")
        os.makedirs(profiles, exist_ok=True)
        default = os.path.join(profiles, "profile_default")
        shutil.rmtree(default, ignore_errors=True)  # a client may have made it
        os.symlink(cls.cluster.dir, default)
        path = "%s:/usr/bin:%s" % (mix.BUILD, os.environ["PATH"])
        cls.reader = dict(os.environ, PATH=path)

    def test_documents(self):
        for path in documents():
            with self.subTest(path), tempfile.TemporaryDirectory(dir=mix.HOME) as work:
                self.type_in(path, work)

    def type_in(self, path, work):
        command = [sys.executable, blocks.__file__, "type", path, "ipyparallel"]
        try:
            code = subprocess.run(
                command, cwd=work, env=self.reader, check=False
            ).returncode
        finally:
            subprocess.run(["fusermount3", "-u", "-q", work + "/py"], check=False)
        self.assertEqual(code, 0, path)


if __name__ == "__main__":
    mix.main(__name__)
