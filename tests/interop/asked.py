# SPDX-License-Identifier: Apache-2.0
"""A program that answers a line of JSON with a line of JSON, and bytes behind it."""

import json
import subprocess


class Asked:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **request):
        """The answer, or its error as text."""
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the program died of {request}"
        answer = json.loads(answer)
        return answer.get("error", answer)

    def read(self, count):
        return self.process.stdout.read(count)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0
