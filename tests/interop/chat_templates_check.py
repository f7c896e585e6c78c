# SPDX-License-Identifier: Apache-2.0
"""Renders chat templates with transformers and with mhub and requires equal texts, or an error from both.

    chat_templates_check.py RENDERER [TEMPLATE.jinja ...]

RENDERER is build/bin/render_chat_template. Without templates: those in chat_templates/, generated expressions, and model folders.
Where transformers fails mhub has to fail; what a template says through raise_exception must be part of mhub's message.
"""
import copy
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["TZ"] = "UTC"
time.tzset()

import jinja2
import transformers.utils.chat_template_utils as chat_template_utils

from chat_conversations import CONVERSATIONS, OPTIONS, TOKENS
from chat_expressions import expressions
from chat_folders import check_folders

HERE = pathlib.Path(__file__).parent
NOW = 1753689600 + 12 * 3600 + 34 * 60 + 56


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(NOW)


chat_template_utils.datetime = FixedClock


def case(template, messages=(), **options):
    return {"template": template, "special_tokens": TOKENS, "messages": list(messages), "now": NOW, **options}


def expected(request):
    """("text", text), or ("raised", what the template says), or ("error", what Python says)."""
    arguments = {**request["special_tokens"], **request.get("variables", {})}
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[copy.deepcopy(request["messages"])],
            tools=request.get("tools"),
            documents=request.get("documents"),
            chat_template=request["template"],
            add_generation_prompt=request.get("add_generation_prompt", False),
            **arguments,
        )
        rendered[0].encode("utf-8")
        return "text", rendered[0]
    except jinja2.exceptions.TemplateError as error:
        return ("raised" if type(error) is jinja2.exceptions.TemplateError else "error"), str(error)
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}"


def render_all(renderer, requests):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    run = subprocess.run([renderer], input=lines, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{renderer} ended with {run.returncode}: {run.stderr[-2000:]}")
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    if len(answers) != len(requests):
        sys.exit(f"{len(answers)} answers to {len(requests)} requests")
    return answers


def agrees(want, answer):
    kind, text = want
    if kind == "text":
        return answer.get("text") == text
    return "error" in answer and (kind != "raised" or text in answer["error"])


def describe(name, request, want, answer):
    got = answer.get("text", answer.get("error"))
    same = len(os.path.commonprefix([want[1], got])) if want[0] == "text" and "text" in answer else 0
    start = max(same - 60, 0)
    shown = request["template"] if len(request["template"]) < 300 else "..."
    return (f"DIFFERENT {name}: {shown}\n  transformers: {want[0]} ...{want[1][start:same + 200]!r}\n"
            f"  mhub:         {next(iter(answer))} ...{got[start:same + 200]!r}")


class Tally:
    def __init__(self):
        self.failures = 0
        self.texts = 0
        self.errors = 0

    def compare(self, names, requests, renderer):
        """The names of templates with a difference."""
        different = []
        for name, request, answer in zip(names, requests, render_all(renderer, requests)):
            want = expected(request)
            self.texts += want[0] == "text"
            self.errors += want[0] != "text"
            if agrees(want, answer):
                continue
            self.failures += 1
            different.append(name)
            # one difference of each template is enough to print
            if self.failures < 300 and not any(other.split(" (")[0] == name.split(" (")[0] for other in different[:-1]):
                print(describe(name, request, want, answer))
        return different


def template_cases(paths):
    names, requests = [], []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        for conversation, messages in CONVERSATIONS.items():
            for number, options in enumerate(OPTIONS):
                names.append(f"{path.name} ({conversation}, options {number})")
                requests.append(case(text, messages, **options))
    return names, requests


def main():
    renderer = sys.argv[1]
    paths = [pathlib.Path(p) for p in sys.argv[2:]] or sorted((HERE / "chat_templates").glob("*.jinja"))
    tally = Tally()
    different = tally.compare(*template_cases(paths), renderer)
    bad = {name.split(" (")[0] for name in different}
    print(f"templates: {len(paths) - len(bad)} of {len(paths)} equal in every conversation ({tally.texts} texts, {tally.errors} errors)")
    if len(sys.argv) == 2:
        before = tally.texts + tally.errors
        sources = expressions()
        tally.compare([f"expression {i}" for i in range(len(sources))], [case(s, CONVERSATIONS["whole call"]) for s in sources], renderer)
        print(f"expressions: {tally.texts + tally.errors - before} compared")
        tally.failures += check_folders(renderer, render_all)
    if tally.texts == 0 or tally.failures:
        sys.exit(f"{tally.failures} differences")


if __name__ == "__main__":
    main()
