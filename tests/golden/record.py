#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records the facts of cases.py from the real packages: python record.py [FOLDER]. FOLDER (default: facts/ beside this file)
gets a file per case and settings.json, the defaults of Megatron-LM's parser and Bridge's provider. README.md has the format."""

import json
import os
import re
import subprocess
import sys

import cases

HERE = os.path.dirname(os.path.abspath(__file__))
NUMBER = re.compile(r"(?<=\.)\d+(?=\.)|(?<=weight)\d+$|(?<=bias)\d+$")


def run(script, *arguments):
    """The facts that one script finds about all cases, in a process of its own."""
    done = subprocess.run([sys.executable, os.path.join(HERE, script), *arguments], input=json.dumps([cases.CASES, cases.PIPELINES]), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{script} {' '.join(arguments)} failed: {done.stderr[-3000:]}")
    facts = json.loads(done.stdout)
    problems = [f"{name}: {case['problem']}" for name, case in facts["cases"].items() if "problem" in case]
    if problems:
        raise SystemExit(f"{script} {' '.join(arguments)}: {'; '.join(problems)}\n{done.stderr[-3000:]}")
    return facts


class Names:
    """Names with their numbers taken out, each once: "decoder.layers.{}.mlp..." """

    def __init__(self):
        self.table, self.at = [], {}

    def encode(self, name):
        """[place in the table, numbers...]"""
        template = NUMBER.sub("{}", name)
        if template not in self.at:
            self.at[template] = len(self.table)
            self.table.append(template)
        return [self.at[template], *map(int, NUMBER.findall(name))]


class Once:
    """Values that many layouts share."""

    def __init__(self):
        self.values = []

    def place(self, value):
        if value not in self.values:
            self.values.append(value)
        return self.values.index(value)


def grouped(rows):
    """[[head..., [row, row...]]...]: rows, given as (head, row), by their heads."""
    groups = {}
    for head, row in rows:
        groups.setdefault(json.dumps(head), []).append(row)
    return [[*json.loads(head), rows] for head, rows in groups.items()]


def encoded_tensors(names, tensors):
    """[name, shape, [key...], rows]; a row has the numbers of the name and, for each key, its numbers, the first element of
    the tensor that lies there, and the offset in the global tensor."""
    rows = []
    for name, (shape, parts) in tensors.items():
        begins = [begin for _, begin, _, _ in parts] + [product(shape)]
        at, *row = names.encode(name)
        keys = []
        for (key, begin, offset, part), end in zip(parts, begins[1:]):  # the reader works a part's shape out likewise
            sizes = [(end - begin) // product(shape[1:])] + shape[1:] if shape else []
            assert part == [1] * (len(offset) - len(shape)) + sizes, (name, key, part)
            key_at, *numbers = names.encode(key)
            keys.append(key_at)
            row += [*numbers, begin, *offset]
        rows.append(([at, shape, keys], row))
    return grouped(rows)


def encoded_names(names, some):
    """[name, rows]; a row has the numbers of the name."""
    return grouped(([at], numbers) for at, *numbers in map(names.encode, some))


def encoded_shapes(names, shapes):
    """[name, shape, rows]"""
    return grouped(([at, shape], numbers) for (at, *numbers), shape in ((names.encode(name), shape) for name, shape in shapes.items()))


def encoded_objects(names, keys):
    """[name, what is behind the slash...]"""
    found = {}
    for key in keys:
        name, _, shard = key.partition("/")
        found.setdefault(name, []).append(shard)
    return [[names.encode(name), *shards] for name, shards in found.items()]


def product(shape):
    result = 1
    for size in shape:
        result *= size
    return result


def encoded_case(found, layouts):
    """A case's facts in the form of its file."""
    names, keys, objects = Names(), Once(), Once()
    written = []
    for layout in layouts:
        files = {
            folder: {chunk: {"tensors": encoded_tensors(names, facts["tensors"]), "objects": encoded_names(names, facts["objects"])} for chunk, facts in chunks.items()}
            for folder, chunks in sorted(layout["files"].items())}
        written.append({"options": layout["options"], "impl": layout["impl"], "args": layout["args"], "keys": keys.place(encoded_shapes(names, layout["keys"])),
                        "objects": objects.place(encoded_objects(names, layout["objects"])), "files": files})
    hf = {"config": found["hf"]["config"], "tensors": encoded_shapes(names, found["hf"]["tensors"])}
    return {"hf": hf, **found["arguments"], "run_config": found.get("run_config"), "refused": found["refused"], "layouts": written, "keys": keys.values, "objects": objects.values, "names": names.table}


def without_common(cases_arguments):
    """Takes out of each what all have, and returns that."""
    first, *others = cases_arguments
    common = {name: value for name, value in first.items() if all(name in other and other[name] == value for other in others)}
    for one in cases_arguments:
        for name in common:
            del one[name]
    return common


def recorded():
    """{file name: content}"""
    published, te, local = run("published_facts.py"), run("ranks_facts.py", "te"), run("ranks_facts.py", "local")
    common = without_common([case["arguments"]["args"] for case in te["cases"].values()])
    files = {"settings.json": {"versions": published["versions"], "parser": {**te["defaults"], **common}, "provider": published["provider_defaults"],
                               "pipelines": te["pipelines"]}}
    for name in cases.CASES:
        found = {**published["cases"][name], **te["cases"][name]}
        files[f"{name}.json"] = encoded_case(found, found["layouts"] + local["cases"][name]["layouts"])
    return files


def text(value, depth=0):
    """Compact JSON, a line for each entry of the outer levels, so that a change of a fact is a change of few lines."""
    if isinstance(value, dict) and value and depth < 2 or isinstance(value, list) and depth == 1 and value and isinstance(value[0], dict):
        items = [f"{json.dumps(key)}:{text(one, depth + 1)}" for key, one in value.items()] if isinstance(value, dict) else [text(one, depth + 2) for one in value]
        brackets = "{}" if isinstance(value, dict) else "[]"
        return f"{brackets[0]}\n" + ",\n".join(items) + f"\n{brackets[1]}"
    return json.dumps(value, separators=(",", ":"))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "facts")
    os.makedirs(folder, exist_ok=True)
    for name, content in recorded().items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text(content) + "\n")


if __name__ == "__main__":
    main()
