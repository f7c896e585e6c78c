# SPDX-License-Identifier: Apache-2.0
"""Recipes carried out against a Hub of this machine: python recipes_check.py MHUB SCRATCH [PART]...

Ten tiny models in three layouts are downloaded, converted, verified, asked and uploaded, by runs that are killed at random. What was done is
never done twice: that is read from the Hub's log and from the outputs' own times."""

import concurrent.futures
import functools
import html.parser
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import time

import jsonschema
import yaml

import hub_server
import tiny_models
from hub_server import Fault
from hub_world import World

REPOSITORY = pathlib.Path(__file__).parents[2]
MODELS = ["gpt2", "gpt2_untied", "llama_gqa", "llama_mha_shards", "llama_mqa_tied", "llama_two_groups", "llama_head_dim", "llama_bias", "llama_linear", "mistral"]
SWEEP = """# yaml-language-server: $schema=recipe.schema.json
name: sweep
variables: {out: "${env:SWEEP_OUT:-sweep}"}
matrix:
  model: [%s]
  layout: [{name: tp1, tp: 1}, {name: tp2, tensor_model_parallel_size: 2}, {name: pp2, pp: 2, to: torch}]
source: models/${model}
output: ${out}/${model}/${layout}
generate: {prompt: the capital of France, max_new_tokens: 4}
upload: {repo: "made/${model}", revision: "${layout}", create: true, private: true}
"""


def make_models(world):
    """Repositories models/NAME."""
    def one(name):
        folder = world.scratch / "models-made" / name
        tiny_models.make(name, str(folder))
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "golden.npz"}
        world.hub.repos[f"models/{name}"] = hub_server.Repo(files)

    for name in MODELS:
        one(name)


def write_sweep(world, models=MODELS):
    (world.scratch / "sweep.yaml").write_text(SWEEP % ", ".join(models))


def sweep(world, home, *more, code=0, **environment):
    """The answer of a run."""
    out = world.run(home, "run", "sweep.yaml", "--json", *more, token=world.hub.token, code=code, **environment)
    return json.loads(out)


def statuses(answer):
    found = {}
    for one in answer["conversions"]:
        found.setdefault(one["status"], []).append(one["name"])
    return found


def written(world, folder):
    """When each output got its manifest."""
    return {str(path.parent.relative_to(world.scratch / folder)): path.stat().st_mtime_ns for path in (world.scratch / folder).glob("*/*/mhub_manifest.json")}


def commits(world, owner):
    """Each branch of each repository that was made, with its commit."""
    return {f"{name}@{branch}": repo.commit for name, whole in world.hub.repos.items() if name.startswith(owner + "/") for branch, repo in whole.branches.items()}


def schema(world):
    """Every recipe of the repository, and these, by the JSON Schema that editors use."""
    known = json.loads((REPOSITORY / "recipes/recipe.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(known)
    validator = jsonschema.Draft7Validator(known)
    files = [*sorted((REPOSITORY / "recipes").glob("*.yaml")), *(REPOSITORY / "examples/recipes").glob("*.yaml"), world.scratch / "sweep.yaml"]
    for file in files:
        for error in validator.iter_errors(yaml.safe_load(file.read_text())):
            world.check(False, f"{file.name}: {error.message}")
    world.check(len(files) > 100, f"{len(files)} recipes")
    for wrong in ("tpp: 2", "tp: two", "upload: {rep: a/b}", "matrix: {tp: 2}", "conversions: []", "variables: [a]"):
        world.check(not validator.is_valid(yaml.safe_load(wrong)), f"the schema takes {wrong}")


def dry(world):
    """A plan of all, with nothing in the cache."""
    home = world.cache("dry")
    plan = sweep(world, home, "--dry-run", SWEEP_OUT="dry")
    world.check(len(plan["conversions"]) == 3 * len(MODELS) and all(one["work"] == "convert" for one in plan["conversions"]), "not all are planned")
    world.check(plan["to_convert_bytes"] > 0 and plan["disks"][0]["free_bytes"] > 0, f"{plan['disks']}")
    world.check(not (world.scratch / "dry").exists() and not list(home.rglob("*.safetensors")), "something was written")


def killed_at(world, start, folder, goals, chance, pause):
    """Kills runs, which `start` begins, a moment after `folder` has so many outputs. Checks that none is written again; returns when each was written."""
    before = {}
    for goal in goals:
        process = start()
        while len(written(world, folder)) < goal and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.random() * pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = written(world, folder)
        world.check(all(now[name] == at for name, at in before.items()), "an output was written again")
        before = now
    return before


def killed(world):
    """kill -9 again and again, then to the end, then once more."""
    home = world.cache("killed")
    world.hub.delay = 0.002
    start = functools.partial(world.start, home, "run", "sweep.yaml", "--jobs-at-once", "3", token=world.hub.token)
    before = killed_at(world, start, "sweep", (4, 11, 19, 26), random.Random(7), 0.2)
    time.sleep(0.5)
    made = {branch: commit for branch, commit in commits(world, "made").items() if commit in world.hub.messages}
    answer = sweep(world, home, "--jobs-at-once", "3")
    found, now = statuses(answer), written(world, "sweep")
    print("after four kills:", {name: len(which) for name, which in found.items()}, flush=True)
    world.check(set(found) <= {"done", "up_to_date"}, f"{found}")
    world.check(all(one["verified"] for one in answer["conversions"]), "not all are verified")
    world.check(all(now[name] == at for name, at in before.items()) and len(now) == 3 * len(MODELS), "an output was written again, or is missing")
    world.check(made.items() <= commits(world, "made").items(), "a branch was committed to again")
    world.check(len(commits(world, "made")) == 3 * len(MODELS) and len(world.hub.messages) == 3 * len(MODELS), f"{len(world.hub.messages)} commits")
    world.hub.forget()
    began = time.time()
    answer = sweep(world, home)
    print(f"the third run: {time.time() - began:.2f} s", flush=True)
    world.check(set(statuses(answer)) == {"up_to_date"}, f"{statuses(answer)}")
    world.check(not world.hub.log, f"the Hub was asked {len(world.hub.log)} times")
    world.check(written(world, "sweep") == now, "an output was written again")
    said = world.run(home, "run", "sweep.yaml", token=world.hub.token)
    world.check("30 of 30 are done, 30 of them were before" in said and "nothing to do" in said, said[-300:])
    for name in MODELS[:3]:
        for layout in ("tp1", "tp2", "pp2"):
            world.run(home, "verify", f"models/{name}", f"sweep/{name}/{layout}", offline=True)
    # What has changed, and nothing else.
    changed = statuses(sweep(world, home, "--set", "gpt2-tp1.dtype=bf16", "--only", "gpt2-tp1", "--only", "gpt2-tp2"))
    world.check(changed == {"done": ["gpt2-tp1"], "up_to_date": ["gpt2-tp2"]}, f"{changed}")


def together(world):
    """Two runs at once share the work."""
    home = world.cache("together")
    write_sweep(world, MODELS[:4])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: world.start(home, "run", "sweep.yaml", "--json", token=world.hub.token, SWEEP_OUT="together").communicate(), range(2)))
    answers = [json.loads(out) for out, _ in runs]
    done = [name for answer in answers for name in statuses(answer).get("done", [])]
    world.check(all(answer["exit_code"] == 0 for answer in answers), f"{[statuses(answer) for answer in answers]}")
    world.check(sorted(done) == sorted(set(done)) and len(done) == 12, f"done: {done}")
    write_sweep(world)


def interrupted(world):
    """Ctrl-C, and on."""
    home = world.cache("interrupted")
    process = world.start(home, "run", "sweep.yaml", "--json", token=world.hub.token, SWEEP_OUT="interrupted")
    while len(written(world, "interrupted")) < 3 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    world.check(process.returncode == 130, f"exit code {process.returncode}")
    found = statuses(json.loads(out))
    world.check(len(found.get("interrupted", [])) >= 1 and len(found.get("not_run", [])) >= 20, f"{found}")
    before = written(world, "interrupted")
    world.check(set(statuses(sweep(world, home, SWEEP_OUT="interrupted"))) <= {"done", "up_to_date"}, "it does not go on")
    world.check(before.items() <= written(world, "interrupted").items(), "an output was written again")


def failures(world):
    """A broken network is tried again; a refusal is not, and stops only what needs it."""
    home, options = world.cache("failures"), ["--retries", "2", "--retry-delay", "0.01"]
    write_sweep(world, MODELS[:2])
    world.hub.forget()
    # More than the Hub is asked in one attempt.
    world.hub.faults.append(Fault("/preupload/", "status", 7, 503, {"Retry-After": "0"}, methods=("POST",)))
    answer = sweep(world, home, *options, SWEEP_OUT="failures")
    world.check(set(statuses(answer)) == {"done"} and max(one["attempts"] for one in answer["conversions"]) > 1, f"{statuses(answer)}")
    answer = json.loads(world.run(home, "run", "sweep.yaml", "--json", *options, "--keep-going", token="hf_wrong", code=4, SWEEP_OUT="refused"))
    world.check(set(statuses(answer)) == {"failed"} and all(one["attempts"] == 1 for one in answer["conversions"]), f"{statuses(answer)}")
    world.check(all(one["error"]["category"] == "io" and one["steps"][0]["step"] == "convert" for one in answer["conversions"]), f"{answer['conversions'][0]}")
    answer = sweep(world, home, *options, SWEEP_OUT="refused")
    world.check(all(one["steps"][0]["done_before"] for one in answer["conversions"]), "what was converted is converted again")
    world.check(world.hub.token not in json.dumps(answer) + world.said, "the token is told")
    write_sweep(world)


def iterations(world):
    """Every iteration of a run, and new ones later."""
    home = world.cache("iterations")
    (world.scratch / "export.yaml").write_text("sources: runs/*/iter_*\nname: export\noutput: exported/{run}/{iteration}\nto: hf\n"
                                               "upload: {repo: 'runs/{run}', revision: 'iter-{iteration}', create: true}\n")
    (world.scratch / "runs").mkdir()

    def save(iteration):
        for run in ("a", "b"):
            made = f"saved/{run}-{iteration}"
            world.run(home, "convert", "tiny", made, "--iteration", str(iteration))
            (world.scratch / "runs" / run).mkdir(exist_ok=True)
            shutil.copytree(world.scratch / made, world.scratch / "runs" / run, dirs_exist_ok=True)

    def export():
        return statuses(json.loads(world.run(home, "run", "export.yaml", "--json", token=world.hub.token)))

    world.check(export() == {}, "there is something")
    save(100)
    world.check(export() == {"done": ["a-100", "b-100"]}, "the first iteration")
    save(200)
    world.check(export() == {"up_to_date": ["a-100", "b-100"], "done": ["a-200", "b-200"]}, "the second iteration")
    world.check(set(commits(world, "runs")) == {f"runs/{run}@iter-{k}" for run in "ab" for k in (100, 200)}, f"{commits(world, 'runs')}")
    world.run(home, "verify", "tiny", "exported/b/200")


def other_steps(world):
    """Entries without output, one file instead of a folder, a download of its own, and a source that is not kept."""
    home = world.cache("steps")
    (world.scratch / "steps.yaml").write_text("""
defaults: {generate: {tokens: "1,2,3", max_new_tokens: 2}}
conversions:
  - {name: asked, source: org/tiny, download: true}
  - {name: archive, source: "org/tiny", needs: asked, output: steps/model.h5, to: hdf5}
  - {name: opened, source: "${outputs.archive}", output: steps/megatron, tp: 2, logits: {tokens: "5,6,7"}}
  - {name: streamed, source: models/gpt2, output: steps/gpt2, no_cache: true}
  - {name: sent, source: "${outputs.streamed}", upload: {repo: steps/gpt2, create: true}}
""")
    answer = json.loads(world.run(home, "run", "steps.yaml", "--json", token=world.hub.token))
    done = {one["name"]: [step["step"] for step in one["steps"]] for one in answer["conversions"]}
    world.check(done == {"asked": ["download", "generate"], "archive": ["convert", "generate"], "opened": ["convert", "generate", "logits"],
                         "streamed": ["convert", "generate"], "sent": ["generate", "upload"]}, f"{done}")
    world.check(not (home / "hub/models--models--gpt2").exists(), "what was streamed is in the cache")
    world.hub.forget()
    answer = json.loads(world.run(home, "run", "steps.yaml", "--json", token=world.hub.token))
    world.check(statuses(answer) == {"done": ["asked", "sent"], "up_to_date": ["archive", "opened", "streamed"]}, f"{statuses(answer)}")
    # A model that is not in the cache is asked for its commit; the other one, and its weights, are not.
    world.check(not any("resolve" in entry["path"] or "tiny" in entry["path"] for entry in world.hub.log), f"{[entry['path'] for entry in world.hub.log]}")


class Page(html.parser.HTMLParser):
    """Finds out whether every element that is opened is closed, and what is asked for from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.text, self.asks = [], [], "", []

    def handle_starttag(self, tag, attributes):
        self.asks += [value for name, value in attributes if name in ("src", "href") and tag != "a"]
        if tag not in ("meta", "line", "rect", "path", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if tag not in ("rect", "path", "line") and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text += data


def reports(world):
    """The page and the files about a run of which some entries fail, and what an entry's log has."""
    home = world.cache("reports")
    write_sweep(world, MODELS[:2])
    options = ["--report", "report.html", "--report-folder", "reports", "--keep-going", "--retries", "0"]
    world.run(home, "run", "sweep.yaml", *options, "--set", "gpt2-pp2.source=<b>&", "--set", "gpt2-tp2.generate.expect=<i>never</i>", token=world.hub.token, code=1, SWEEP_OUT="reported")
    text = (world.scratch / "report.html").read_text()
    page = Page()
    page.feed(text)
    world.check(not page.wrong and not page.open and not page.asks, f"the page: wrong {page.wrong}, open {page.open}, asks for {page.asks}")
    for part in ("sweep", "gpt2-tp1", "gpt2_untied-pp2", "<b>&", "<i>never</i>", "bit for bit", "made/gpt2@tp1"):
        world.check(part in page.text, f"the page does not say {part}")
    known = json.loads((REPOSITORY / "converters/output.schema.json").read_text())
    summary = json.loads((world.scratch / "reports/summary.json").read_text())
    jsonschema.validate(summary, {**known, "anyOf": [{"$ref": "#/$defs/run"}]})
    world.check(statuses(summary).keys() == {"done", "failed"} and len(statuses(summary)["failed"]) == 2, f"{statuses(summary)}")
    for one in summary["conversions"]:
        world.check(json.loads((world.scratch / f"reports/entries/{one['name']}.json").read_text()) == one, f"{one['name']}.json")
        if one["status"] == "done":
            world.check("uploaded" in pathlib.Path(one["log"]).read_text(), f"the log of {one['name']}")
    write_sweep(world)


def main():
    world = World(*sys.argv[1:3])
    make_models(world)
    write_sweep(world)
    for part in (schema, dry, killed, together, interrupted, failures, iterations, other_steps, reports):
        if len(sys.argv) < 4 or part.__name__ in sys.argv[3:]:
            began = time.time()
            world.hub.forget()
            part(world)
            print(f"{part.__name__}: {time.time() - began:.1f} s", flush=True)
    world.finish()


if __name__ == "__main__":
    main()
