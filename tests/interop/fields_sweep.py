# SPDX-License-Identifier: Apache-2.0
"""Every field that Megatron's model is built from is honoured, refused by name, or changes nothing: python fields_sweep.py
MHUB SCRATCH args|run_config BASE [REGEX | --record | --all].

Each field gets other values than the base's, in checkpoints of models that Megatron-LM's own builder made. The real model
with that value is the judge of what mhub does: it exports the checkpoint and transformers has the real model's logits, or it
exits with 3 and names the field, or the export is the base's and so are the real model's logits. A field that mhub neither
honours nor refuses has to stand in field_values.INERT, so one that a new megatron-core adds fails until somebody decides.

What the real models did with args is kept in tests/golden/fields, for tests that have no Python; --record writes it anew.
"""

import collections
import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import field_models  # first: patches CUDA away
import shim
import softmax_moe_model
import sparse_models  # noqa: F401  (transformers' GLM-5, put right)
import torch
import transformers
import yaml
from field_values import COMBINATIONS, CONTRADICTS_FILES, INERT, READ_ELSEWHERE, REACTS, STATED_COMBINATIONS, UNREAD, fields, values

SAME, TOLERANCE = 1e-6, 2e-3
# Fields that change nothing are tried in one base each.
HOME_OF_INERT, LATENT_ONLY = {False: "experts", True: "latent"}, ("mla_latents", "mla_down_proj_fusion")
# Differences that the class cannot help and that convert tells.
SAID = {"layernorm_epsilon": "Megatron-Core takes 0.01 for all norms"}
NO_CLASS = "no registered model class builds this function; nearest is"
Core = collections.namedtuple("Core", "kind logits state")  # kind: same, differs, other tensors, or what it cannot
Mhub = collections.namedtuple("Mhub", "refusal digest folder text")


class Base:
    """A model of field_models, its checkpoint, and what mhub makes of it."""

    def __init__(self, binary, scratch, dialect, name):
        self.binary, self.scratch, self.dialect, self.name = binary, scratch, dialect, name
        self.args = field_models.arguments(name)
        model = field_models.build(self.args)
        field_models.randomize(model)
        self.state, self.logits = field_models.tensors(model), field_models.logits(model)
        self.document = None
        self.save({}, self.state)
        if dialect == "run_config":
            self.document = self.run_config()
            self.save({}, self.state)
        self.plain = self.export()
        if self.plain.refusal:
            raise SystemExit(f"the base is refused: {self.plain.refusal}")

    def run_config(self):
        """What mhub states for the model in Bridge's terms."""
        exported, converted = self.export().folder, os.path.join(self.scratch, "stated")
        subprocess.run([self.binary, "convert", exported, converted, "--overwrite"], check=True, capture_output=True)
        return yaml.safe_load(open(os.path.join(converted, "release", "run_config.yaml")))

    def present(self, name):
        if self.dialect == "args":
            return getattr(self.args, name, None)
        config = field_models.argument_utils.gpt_config_from_args(copy.deepcopy(self.args))
        return self.document["model"].get(name, getattr(config, name, None))

    def changed_args(self, change):
        args = copy.deepcopy(self.args)
        for name, value in change.items():
            setattr(args, name, value)
        return args

    def save(self, change, state):
        """A checkpoint of one rank, as Megatron-LM saves it in its format `torch`."""
        folder = os.path.join(self.scratch, "checkpoint")
        os.makedirs(os.path.join(folder, "mp_rank_00"), exist_ok=True)
        top = {"checkpoint_version": 3.0, "iteration": 5, "model": state}
        if self.document is None:
            top["args"] = self.changed_args(change)
        else:
            stated = {name: list(value) if isinstance(value, tuple) else value for name, value in change.items()}
            document = {**self.document, "model": {**self.document["model"], **stated}}
            yaml.safe_dump(document, open(os.path.join(folder, "run_config.yaml"), "w"))
        torch.save(top, os.path.join(folder, "mp_rank_00", "model_optim_rng.pt"))

    def export(self):
        folder = os.path.join(self.scratch, "exported")
        shutil.rmtree(folder, ignore_errors=True)
        run = subprocess.run([self.binary, "convert", os.path.join(self.scratch, "checkpoint"), folder, "--to", "hf"], capture_output=True, text=True)
        if run.returncode:
            return Mhub(f"exit {run.returncode}: {run.stderr.strip()}", None, None, "")
        digest = hashlib.md5()
        for name in sorted(os.listdir(folder)):
            if name.endswith(".safetensors") or name == "config.json":
                digest.update(without_spaces(open(os.path.join(folder, name), "rb").read(), name))
        return Mhub(None, digest.hexdigest(), folder, run.stdout + run.stderr)

    def core(self, change):
        """The real model with these values: the base's tensors, or random ones where it has others."""
        try:
            with field_models.quiet(), shim.CudaToCpu():
                if self.dialect == "args":
                    model = field_models.build(self.changed_args(change))
                else:
                    model = field_models.build(self.args, change)
                own = field_models.tensors(model)
                other = {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in self.state.items()}
                if other:
                    field_models.randomize(model)
                else:
                    model.load_state_dict(self.state, strict=False)
                logits = field_models.logits(model)
        except (Exception, SystemExit) as problem:
            return Core(f"cannot: {type(problem).__name__}: {str(problem)[:100]}", None, self.state)
        if other:
            return Core("other tensors", logits, field_models.tensors(model))
        same = logits.shape == self.logits.shape and field_models.difference(logits, self.logits) < SAME
        return Core("same" if same else "differs", logits, self.state)


def without_spaces(content, name):
    """A file as the same tensors and config give it from any source: the spaces behind a safetensors header say where the source's bytes lay."""
    if not name.endswith(".safetensors"):
        return content
    begin = 8 + int.from_bytes(content[:8], "little")
    return content[8:begin].rstrip(b" ") + content[begin:]


def transformers_problem(folder, wanted):
    """What is wrong with transformers' logits; None if nothing."""
    try:
        model = softmax_moe_model.opened(folder) or transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        with torch.no_grad():
            found = model(field_models.IDS).logits
    except Exception as problem:
        return f"transformers cannot open the export: {type(problem).__name__}: {str(problem)[:160]}"
    error = field_models.difference(found, wanted)
    return None if error < TOLERANCE else f"transformers differs by {error:.0e} from the real model"


def names_of(change):
    """How a message may call what was changed."""
    return [name for one in change for name in (one, one.removeprefix("moe_"), one.removeprefix("num_"))]


def judged(core, mhub, plain, change, unread):
    """(verdict, problem or None): what mhub did with the change, `plain` without it."""
    if mhub.refusal:
        if not mhub.refusal.startswith("exit 3: "):
            return "failed", mhub.refusal
        if not CONTRADICTS_FILES.isdisjoint(change):
            return "refused", None
        if core.kind == "same" and (READ_ELSEWHERE | unread).isdisjoint(change):
            return "refused", f"the real model is the same: {mhub.refusal}"
        named = NO_CLASS in mhub.refusal or any(name in mhub.refusal for name in names_of(change))
        other = core.kind == "other tensors" and ": tensor " in mhub.refusal
        return "refused", None if named or other or core.logits is None else f"the refusal names no field: {mhub.refusal}"
    if mhub.digest == plain.digest:
        noise = set(INERT["noise of training"].split()) & set(change)
        return "unchanged", "ignored: the real model is another" if core.kind == "differs" and not noise else None
    if core.logits is None:
        return "honoured", None  # a model that this CPU or this core cannot build
    if any(said in mhub.text for name, said in SAID.items() if name in change):
        return "honoured", None
    return "honoured", transformers_problem(mhub.folder, core.logits)


class Sweep:
    def __init__(self, base, pattern, all_values):
        self.base, self.pattern, self.all_values = base, pattern, all_values
        self.verdicts, self.problems = collections.Counter(), []
        self.decided = set()  # fields that mhub honours or refuses
        self.facts = []  # changes, and whether the model is the same

    def attempt(self, change):
        if not any(self.pattern.search(name) for name in change):
            return
        core = self.base.core(change)
        self.base.save(change, core.state)
        verdict, problem = judged(core, self.base.export(), self.base.plain, change, UNREAD.get(self.base.name, set()))
        text = " ".join(f"{name}={value!r}" for name, value in change.items())
        print(f"{verdict} {text}" + (f": {problem}" if problem else ""), flush=True)
        self.verdicts[verdict] += 1
        if verdict in ("honoured", "refused"):
            self.decided |= set(change)
        if problem:
            self.problems.append(f"{text}: {problem}")
        elif (core.kind == "same") == (verdict == "unchanged") and core.logits is not None:
            self.facts.append([change, core.kind == "same"])

    def run(self, dialect, name):
        read = fields(dialect)
        for field in sorted(set(read) - inert_fields() - reacting_fields("args") - reacting_fields("run_config")):
            self.problems.append(f"{field}: megatron-core has this field and nobody decided about it")
        for field, kind in read.items():
            inert = field in inert_fields() - reacting_fields(dialect)
            if inert and name != HOME_OF_INERT[field.endswith(LATENT_ONLY)]:
                continue
            tried = list(values(field, kind, self.base.present(field)))
            for value in tried[:1] if inert and not self.all_values else tried:
                if dialect == "args" or yaml_can_say(value):
                    self.attempt({field: value})
        for change in (COMBINATIONS if dialect == "args" else STATED_COMBINATIONS).get(name, []):
            self.attempt(change)
        for field in REACTS[dialect][name].split():
            if field not in self.decided and self.pattern.search(field):
                self.problems.append(f"{field}: mhub neither honours nor refuses any of its values")


def inert_fields():
    return {field for group in INERT.values() for field in group.split()}


def reacting_fields(dialect):
    return {field for group in REACTS[dialect].values() for field in group.split()}


def yaml_can_say(value):
    return isinstance(value, (bool, int, float, str, list, tuple, type(None)))


def facts_text(args, facts):
    """The base's arguments that mhub reads, and what changes of them mean, a line each."""
    reading = reacting_fields("args") | {"openai_gelu", "norm_epsilon", "apply_layernorm_1p", "use_rotary_position_embeddings"}
    lines = [json.dumps({name: value for name, value in sorted(vars(args).items()) if name in reading})]
    for change, same in facts:
        if set(change) <= reading and CONTRADICTS_FILES.isdisjoint(change):
            lines.append(json.dumps([change, same]))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def check_facts(sweep, name, record):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "fields", f"{name}.json")
    text = facts_text(sweep.base.args, sweep.facts)
    if record:
        open(path, "w").write(text)
    elif open(path).read() != text:
        sweep.problems.append(f"{os.path.relpath(path)} says something else: --record writes it anew")


def main():
    binary, scratch, dialect, name, pattern = [*sys.argv[1:], ""][:5]
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with shim.CudaToCpu():
        field_models.start()
        sweep = Sweep(Base(os.path.abspath(binary), scratch, dialect, name), re.compile("" if pattern.startswith("--") else pattern), pattern == "--all")
    sweep.run(dialect, name)
    if dialect == "args" and pattern in ("", "--record", "--all"):
        check_facts(sweep, name, pattern == "--record")
    print(json.dumps(sweep.verdicts))
    for problem in sweep.problems:
        print("FAILED", problem)
    os._exit(1 if sweep.problems else 0)  # gloo's threads


main()
