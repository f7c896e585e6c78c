# SPDX-License-Identifier: Apache-2.0
"""What --json prints against converters/output.schema.json, with the jsonschema package: python json_output_check.py MHUB SCRATCH.

Every command is run, right and wrong; each value must be the one named after the command, without a key that the schema does not
describe. Every property of the schema must have been seen."""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys

import jsonschema

import hub_server
import pictures
import see_models
import tiny_models

MHUB, SCRATCH = map(os.path.abspath, sys.argv[1:])
SCHEMA = pathlib.Path(__file__).parents[2] / "converters" / "output.schema.json"
#: name in the schema, exit code, arguments
COMMANDS = [
    ("inspect", 0, "inspect a"),
    ("inspect_tensors", 0, "inspect a --tensors *weight"),
    ("convert", 0, "convert a m --to torch --pp 2"),
    ("convert", 0, "convert a dist"),
    ("convert", 0, "convert a plan --dry-run"),
    ("convert", 0, "convert a plan --dry-run --chunks"),
    ("convert", 0, "convert a m --dry-run"),
    ("convert", 0, "convert a shared --part 1/2"),
    ("inspect", 0, "inspect m"),
    ("run", 0, "run recipe.yaml"),
    ("run", 0, "run recipe.yaml"),
    ("run_cancelled", 0, "run recipe.yaml --executor slurm --cancel"),
    ("run", 4, "run failing.yaml --retries 0 --keep-going"),
    ("dry_run", 0, "run recipe.yaml --dry-run"),
    ("dry_run", 0, "run recipe.yaml --set there.tp=2 --dry-run"),
    ("dry_run", 0, "run recipe.yaml --set there.source=hf://org/name --dry-run --only there"),
    ("dry_run", 0, "run failing.yaml --dry-run --set begins.tp=2"),
    ("verify", 0, "verify a m"),
    ("verify", 1, "verify a changed"),
    ("verify", 1, "verify a b"),
    ("verify", 1, "verify a half"),
    ("verify", 1, "verify b a --tensors-only"),
    ("verify_manifest", 0, "verify m"),
    ("verify_manifest", 1, "verify damaged"),
    ("verify_logits", 0, "verify a m --logits"),
    ("verify_logits", 1, "verify a changed --logits --tolerance 0"),
    ("generate", 0, "generate a --tokens 1,2 --max-new-tokens 2"),
    ("logits", 0, "logits a --tokens 1,2 --output x.npy"),
    ("inspect", 0, "inspect eyes"),
    ("generate", 0, "generate eyes --image picture.png --prompt <image> --max-new-tokens 2"),
    ("features", 0, "features clip --image picture.png --text a --output f.npy"),
    ("error", 3, "features eyes --image picture.png --text a"),
    ("tokenize", 0, "tokenize a text"),
    ("tokenize", 0, "tokenize a --decode 1,2"),
    ("tokenize", 0, "tokenize a --lines lines"),
    ("download", 0, "download org/name"),
    ("upload", 0, "upload a org/new --create"),
    ("inspect", 0, "inspect org/name"),
    ("plugins", 0, "plugins"),
    ("plugins", 0, "plugins InternLM2ForCausalLM"),
    ("plugins", 0, "plugins Gemma3ForConditionalGeneration"),
    ("plugins", 0, "plugins LlamaForCausalLM a/config.json"),
    ("plugins_tensors", 0, "plugins --tensors LlamaForCausalLM a/config.json"),
    ("plugins_check", 0, "plugins --check LlamaForCausalLM a/config.json"),
    ("plugins_compare", 0, "plugins --compare LlamaForCausalLM a a.npy"),
    ("plugins_compare", 1, "plugins --compare LlamaForCausalLM changed a.npy --tolerance 0"),
    ("error", 4, "inspect nowhere"),
    ("error", 2, "convert a"),
    ("error", 2, "convert a m --overwritten"),
    ("error", 2, "no-such-command"),
    ("error", 3, "inspect broken"),
    ("error", 3, "generate broken --tokens 1"),
    ("error", 2, "tokenize a"),
]


def strict(schema):
    """The schema without room for keys that nobody documented."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if "properties" in closed or "allOf" in closed:
        closed.setdefault("unevaluatedProperties", False)
    return closed


def strict_document(document):
    document = copy.deepcopy(document)
    definitions = document["$defs"]
    document["$defs"] = {name: strict(one) for name, one in definitions.items()}
    # What stands in another's place adds its keys there.
    for name in ("report", "plan", "part", "entry_result", "entry_plan"):
        document["$defs"][name].pop("unevaluatedProperties")
    for part in document["$defs"]["convert"]["allOf"]:
        part.pop("unevaluatedProperties", None)
    for name in ("run", "dry_run"):
        items = document["$defs"][name]["properties"]["conversions"]["items"]
        items["unevaluatedProperties"] = False
        for part in items["anyOf"]:
            part.pop("unevaluatedProperties", None)
    return document


def make_folders():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    os.chdir(SCRATCH)
    tiny_models.make("llama_gqa", "a")
    tiny_models.make("gpt2", "b")
    shutil.copytree("a", "changed")
    with open("changed/model.safetensors", "r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(b"\x00\x3f")
    shutil.copytree("a", "broken")
    open("broken/config.json", "w").write("{")
    open("lines", "w").write('"one"\n"two"\n')
    open("recipe.yaml", "w").write("conversions:\n- {name: there, source: a, output: from_recipe/there, generate: {tokens: '1'}}\n"
                                   "- {source: from_recipe/there, output: from_recipe/back, to: hf}\n")
    open("failing.yaml", "w").write("conversions:\n- {name: begins, source: a, output: from_recipe/begins}\n- {source: nowhere, output: from_recipe/c, needs: begins}\n"
                                    "- {source: from_recipe/c, output: from_recipe/d}\n")
    for folder, options in (("damaged", []), ("half", ["--dtype", "fp16"])):
        subprocess.run([MHUB, "convert", "a", folder, *options], check=True, capture_output=True)
    open("damaged/release/metadata.json", "a").write("\n")
    golden = pathlib.Path(__file__).parents[2] / "examples" / "plugin" / "golden.py"
    subprocess.run([sys.executable, golden, "a", "a.npy", "1,2,3"], check=True)
    see_models.make_model(see_models.MODELS[0], pathlib.Path("eyes"))
    see_models.make_clip(pathlib.Path("clip"))
    open("picture.png", "wb").write(pictures.encoded(pictures.rgb(9, 7), "PNG"))


def serve():
    """The first model on a Hub of this machine."""
    files = {path.name: path.read_bytes() for path in pathlib.Path("a").iterdir()}
    environment = hub_server.Hub("hub", {"org/name": hub_server.Repo(files)}).environment(os.path.abspath("home"), "hf_TheSecretOfThisTest")
    os.environ.clear()
    os.environ.update(environment)


def properties(schema, found, path=""):
    """Every property by its path."""
    if isinstance(schema, list):
        for one in schema:
            properties(one, found, path)
    elif isinstance(schema, dict):
        for name, one in schema.get("properties", {}).items():
            found.add(f"{path}.{name}")
            properties(one, found, f"{path}.{name}")
        for key in ("items", "anyOf", "allOf", "oneOf"):
            properties(schema.get(key), found, path)


def keys(value, found, path=""):
    if isinstance(value, list):
        for one in value:
            keys(one, found, path)
    elif isinstance(value, dict):
        for name, one in value.items():
            found.add(f"{path}.{name}")
            keys(one, found, f"{path}.{name}")


def check(document, name, code, command, seen):
    run = subprocess.run([MHUB, *command.split(), "--json"], capture_output=True, text=True)
    assert run.returncode == code, f"exit code {run.returncode}, not {code}: {run.stderr.strip()}"
    values = [json.loads(line) for line in run.stdout.splitlines()] if name == "tokenize" else [json.loads(run.stdout)]
    assert values, "nothing printed"
    for value in values:
        jsonschema.validate(value, {**document, "anyOf": [{"$ref": "#/$defs/" + name}]})
        keys(value, seen, "report" if name == "convert" else name)
        if name in ("run", "dry_run"):
            keys(value["conversions"], seen, "entry_result" if name == "run" else "entry_plan")
    if name == "error":
        assert run.returncode == values[0]["error"]["exit_code"]
        assert run.stderr.startswith("mhub: "), run.stderr
    else:
        assert run.stderr.startswith("mhub: ") == (name == "run" and code != 0), run.stderr


def main():
    written = json.load(open(SCHEMA))
    jsonschema.Draft202012Validator.check_schema(written)
    document = strict_document(written)
    make_folders()
    serve()
    failures, seen = [], set()
    for name, code, command in COMMANDS:
        try:
            check(document, name, code, command, seen)
        except (AssertionError, ValueError, jsonschema.ValidationError) as error:
            failures.append(command)
            print(f"FAIL {command}: {str(error)[:600]}")
    described = set()
    for name, definition in written["$defs"].items():
        properties(definition, described, "report" if name in ("convert", "plan", "part") else name)
    for path in sorted(described - seen):
        failures.append(path)
        print(f"FAIL {path}: described, never seen")
    print(f"{len(COMMANDS)} commands, {len(described)} properties, {len(failures)} failures")
    return bool(failures)


sys.exit(main())
