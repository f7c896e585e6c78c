# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Hub share: models to serve, mhub and both versions of huggingface_hub as programs."""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

import hub_server
from kept import kept

HERE = pathlib.Path(__file__).parent
#: The other one is in the venv of these tests, with transformers.
HUB_2 = "huggingface_hub>=2,<3"


def make_hub_2(place):
    venv.create(place, with_pip=True)
    subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", HUB_2], check=True, stdout=sys.stderr)


def hub_2_python():
    """The Python of a small venv with huggingface_hub 2."""
    return kept("hub2", make_hub_2) / "bin/python"


def tiny_llama(folder):
    subprocess.run([sys.executable, HERE.parents[1] / "examples/tiny_llama.py", folder], check=True, capture_output=True)
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (folder / "README.md").write_text("# Tiny\n")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


#: Words of one letter: enough to show that a tokenizer came.
TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
    "model": {"type": "WordLevel", "vocab": {letter: k for k, letter in enumerate("abcdefgh")} | {"?": 8}, "unk_token": "?"},
}


def sharded(files, shards):
    """The same model in several files with an index."""
    data = files["model.safetensors"]
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    names, result, index = sorted(header), {name: content for name, content in files.items() if name != "model.safetensors"}, {}
    for k in range(shards):
        entries, body = {"__metadata__": {"format": "pt"}}, b""
        for name in names[k::shards]:
            begin, end = header[name]["data_offsets"]
            entries[name] = {**header[name], "data_offsets": [len(body), len(body) + end - begin]}
            body += data[8 + size + begin:8 + size + end]
            index[name] = f"model-{k + 1:05}-of-{shards:05}.safetensors"
        text = json.dumps(entries).encode()
        text += b" " * (-len(text) % 8)
        result[f"model-{k + 1:05}-of-{shards:05}.safetensors"] = len(text).to_bytes(8, "little") + text + body
    result["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": index}).encode()
    return result


class World:
    """A scratch folder, a Hub with some repositories, and the programs that ask it."""

    def __init__(self, mhub, scratch):
        self.mhub, self.scratch = os.path.abspath(mhub), pathlib.Path(scratch).absolute()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        self.files = tiny_llama(self.scratch / "tiny")
        extra = {".gitattributes": b"* text\n", "pytorch_model.bin": os.urandom(5000), "onnx/model.onnx": os.urandom(500), "modeling_tiny.py": b"pass\n", "logo.png": b"png"}
        repos = {
            "gpt2": hub_server.Repo(self.files | extra),
            "org/tiny": hub_server.Repo(sharded(self.files, 3) | extra),
            "org/large": hub_server.Repo(self.files | {"model.safetensors": self.large()}),
            "org/gated": hub_server.Repo(self.files, gated=True),
            "org/private": hub_server.Repo(self.files | {"private.txt": b"x"}, private=True),
            "org/quantized": hub_server.Repo({"config.json": b"{}", "q4.gguf": b"GGUF"}),
        }
        self.hub = hub_server.Hub(self.scratch / "hub", repos)
        self.pythons = {"1.x": sys.executable, "2.x": hub_2_python()}
        self.problems, self.checks = [], []

    def large(self):
        """Weights of 96 MB: one more tensor in the tiny model."""
        data = self.files["model.safetensors"]
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        body = data[8 + size:]
        more = os.urandom(96 << 20)
        header["more"] = {"dtype": "F32", "shape": [len(more) // 4], "data_offsets": [len(body), len(body) + len(more)]}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + body + more

    def apart(self, name):
        """The same with a Hub of its own, for a test that runs beside others."""
        other = copy.copy(self)
        other.hub = hub_server.Hub(self.scratch / f"hub-{name}", self.hub.repos)
        return other

    def cache(self, name):
        """A new home for a cache."""
        folder = self.scratch / "homes" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def run(self, home, *arguments, token=None, offline=False, code=0, **more):
        """mhub's stdout, where it ends with that code; its stderr is `self.said`."""
        environment = self.hub.environment(home, token) | ({"HF_HUB_OFFLINE": "1"} if offline else {}) | more
        done = subprocess.run([self.mhub, *arguments], env=environment, capture_output=True, text=True, cwd=self.scratch)
        self.said = done.stderr
        self.check(done.returncode == code, f"mhub {' '.join(arguments)}: exit code {done.returncode}, expected {code}: {done.stderr}{done.stdout}")
        return done.stdout

    def start(self, home, *arguments, token=None, **more):
        return subprocess.Popen([self.mhub, *arguments], env=self.hub.environment(home, token) | more, cwd=self.scratch,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, which, home, *arguments, token=None, **more):
        """huggingface_hub's answer."""
        done = subprocess.run([self.pythons[which], HERE / "hub_judge.py", *arguments], env=self.hub.environment(home, token) | more, capture_output=True, text=True)
        if not self.check(done.returncode == 0, f"huggingface_hub {which}: {' '.join(arguments)}: {done.stderr[-800:]}"):
            return None
        answer = json.loads(done.stdout)
        self.check(answer["version"].startswith(which[0] + "."), f"expected huggingface_hub {which}, found {answer['version']}")
        return answer["answer"]

    def check(self, true, otherwise):
        self.checks.append(true)
        if not true:
            self.problems.append(otherwise)
            print("FAILED:", otherwise, flush=True)
        return true

    def snapshot(self, home, name):
        folder = home / "hub" / ("models--" + name.replace("/", "--"))
        return folder / "snapshots" / self.hub.repos[name].commit

    def check_snapshot(self, home, name, names, where):
        """That the files are there, byte for byte, as links to blobs with the names that huggingface_hub gives them."""
        snapshot, repo = self.snapshot(home, name), self.hub.repos[name]
        for file in names:
            path, entry = snapshot / file, repo.entries[file]
            if self.check(path.is_file(), f"{where}: {file} is missing"):
                self.check(path.read_bytes() == entry["content"], f"{where}: {file} has other bytes")
                self.check(os.readlink(path).endswith("blobs/" + (entry["sha256"] or entry["sha1"])), f"{where}: {file} leads to {os.readlink(path)}")

    def finish(self):
        print(f"{len(self.checks)} checks, {len(self.problems)} failed")
        sys.exit(1 if self.problems else 0)
