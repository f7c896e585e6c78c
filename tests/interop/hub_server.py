# SPDX-License-Identifier: Apache-2.0
"""A Hub on this machine, with TLS: the answers that huggingface.co gives, and the ways in which a network fails.

Two servers on two ports: the Hub itself and the "CDN" that it redirects large files to. `Hub.log` has every request."""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import threading
import time
import urllib.parse

import hub_http
import hub_uploads

PIECE = 256 << 10


def pieces(content):
    if isinstance(content, bytes):
        yield content
    else:
        with open(content, "rb") as file:
            yield from iter(lambda: file.read(1 << 22), b"")


@dataclasses.dataclass
class Repo:
    """One commit of a repository: contents by name, bytes or paths of files."""

    files: dict
    commit: str = ""
    gated: bool = False
    private: bool = False
    branches: dict = dataclasses.field(default_factory=dict)  # Repos by name

    @staticmethod
    def is_large(name, size):
        return size > 0 and (name.endswith((".safetensors", ".bin", ".model")) or size > 10_000_000)

    def at(self, revision):
        """The commit that a revision is; nothing where there is none."""
        every = {"main": self, "refs/pr/1": self, self.commit: self, **self.branches, **{branch.commit: branch for branch in self.branches.values()}}
        return every.get(revision)

    def __post_init__(self):
        self.entries = {}
        for name, content in self.files.items():
            size = len(content) if isinstance(content, bytes) else os.path.getsize(content)
            large = self.is_large(name, size)
            sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
            for piece in pieces(content):
                sha256.update(piece)
                sha1.update(piece)
            pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (sha256.hexdigest().encode(), size)
            self.entries[name] = {
                "size": size,
                "content": content,
                "sha256": sha256.hexdigest() if large else None,
                "sha1": hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest() if large else sha1.hexdigest(),
            }
        if not self.commit:
            text = json.dumps({name: entry["sha1"] for name, entry in self.entries.items()})
            self.commit = hashlib.sha1(text.encode()).hexdigest()

    def listing(self):
        for name, entry in sorted(self.entries.items()):
            item = {"type": "file", "path": name, "oid": entry["sha1"], "size": entry["size"]}
            if entry["sha256"]:
                item["lfs"] = {"oid": entry["sha256"], "size": entry["size"], "pointerSize": 134}
                item["xetHash"] = entry["sha256"][::-1]
            yield item


@dataclasses.dataclass
class Fault:
    """What goes wrong: the next `times` requests whose path `pattern` finds. kind: status, drop, flip, stall."""

    pattern: str
    kind: str
    times: int = 1
    status: int = 503
    headers: dict = dataclasses.field(default_factory=dict)
    after: int = 0  # bytes of the body before it happens
    methods: tuple = ("GET", "HEAD")


class Handler(hub_uploads.Uploading, hub_http.Handler):
    def answer(self):
        hub, self.fault = self.server.hub, None
        self.entry = {
            "server": self.server.name, "method": self.command, "path": self.path, "range": self.headers.get("range"),
            "authorization": self.headers.get("authorization"), "status": None, "sent": 0, "received": 0, "agent": self.headers.get("user-agent"),
        }
        with hub.mutex:
            hub.log.append(self.entry)
            for fault in hub.faults:
                if fault.times > 0 and self.command in fault.methods and re.search(fault.pattern, self.path):
                    fault.times -= 1
                    self.fault = fault
                    break
        if hub.delay:
            time.sleep(hub.delay)
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if self.command in ("POST", "PUT"):
            return self.take(hub, path)
        if self.fault and self.fault.kind == "status":
            return self.reply(self.fault.status, self.fault.headers, b"no")
        (self.cdn if self.server.name == "cdn" else self.hub)(hub, path)

    def hub(self, hub, path):
        if found := re.fullmatch(r"/api/models/(.+?)(?:/(revision|tree)/(.+))?", path):
            name, what, revision = found.groups()
            repo = self.allowed(hub, name, revision or "main", False)
            return repo and self.api(name, what, repo)
        if found := re.fullmatch(r"/(.+?)/resolve/([^/]+|refs/pr/\d+)/(.+)", path):
            name, revision, file = found.groups()
            repo = self.allowed(hub, name, revision, True)
            return repo and self.resolve(hub, repo, name, file)
        if found := re.fullmatch(r"/api/resolve-cache/models/(.+)/([0-9a-f]{40})/(.+)", path):
            repo = hub.repos[found[1]].at(found[2])
            entry = repo.entries[found[3]]
            return self.body(entry, {"ETag": f'"{entry["sha1"]}"', "X-Repo-Commit": repo.commit})
        self.reply(404, {}, b"not found")

    def allowed(self, hub, name, revision, of_file):
        """The repository, or nothing, and an answer that says why."""
        repo, token = hub.repos.get(name), self.headers.get("authorization")
        known = token == f"Bearer {hub.token}"
        if token and not known:
            return self.reply(401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b"{}")
        if repo is None or (repo.private and not known):
            return self.reply(404 if known else 401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, b"{}")
        if repo.gated and of_file:
            return self.reply(403 if known else 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": f"Access to model {name} is restricted."}, b"{}")
        return self.known(repo, revision)

    def api(self, name, what, repo):
        if what != "tree":
            siblings = [{"rfilename": file} for file in repo.entries]
            return self.json({"_id": "0", "id": name, "modelId": name, "sha": repo.commit, "private": repo.private, "siblings": siblings, "tags": [], "downloads": 0, "likes": 0})
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        at, every, page = int(query.get("cursor", ["0"])[0]), list(repo.listing()), self.server.hub.page
        link = {}
        if at + page < len(every):
            address = f"{self.server.hub.endpoint}/api/models/{name}/tree/{repo.commit}?recursive=true&cursor={at + page}"
            link = {"Link": f'<{address}>; rel="next"'}
        self.json(every[at:at + page], link)

    def json(self, value, headers=None, status=200):
        self.reply(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())

    def resolve(self, hub, repo, name, file):
        entry = repo.entries.get(file)
        if entry is None:
            return self.reply(404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found", "X-Repo-Commit": repo.commit}, b"")
        shared = {"X-Repo-Commit": repo.commit, "Cache-Control": "no-cache"}
        if entry["sha256"] is None:  # as the Hub has done since 2025: a relative redirect to itself
            return self.reply(307, {**shared, "Location": urllib.parse.quote(f"/api/resolve-cache/models/{name}/{repo.commit}/{file}"), "X-Linked-Size": str(entry["size"]), "X-Linked-Etag": f'"{entry["sha1"]}"'}, b"")
        hub.by_hash[entry["sha256"]] = entry
        headers = {"X-Linked-Etag": f'"{entry["sha256"]}"', "X-Linked-Size": str(entry["size"]), "Accept-Ranges": "bytes", "X-Xet-Hash": entry["sha256"][::-1]}
        location = f"{hub.cdn_address}/xet-bridge/{entry['sha256']}?X-Amz-Expires=3600&X-Amz-Signature=0123456789abcdef"
        self.reply(302, {**shared, **headers, "Location": location}, b"Found. Redirecting to the CDN")

    def cdn(self, hub, path):
        entry = hub.by_hash.get(path.rsplit("/", 1)[-1])
        if entry is None or "X-Amz-Signature=" not in self.path:
            return self.reply(403, {}, b"<Error><Code>AccessDenied</Code></Error>")
        self.body(entry, {"ETag": f'"{entry["sha256"]}"'})

    def body(self, entry, headers):
        size, begin, end, status = entry["size"], 0, entry["size"], 200
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range") or ""):
            begin, end, status = int(found[1]), min(int(found[2] or size - 1) + 1, size), 206
            if begin >= size:
                return self.reply(416, {**headers, "Content-Range": f"bytes */{size}"}, b"")
            headers = {**headers, "Content-Range": f"bytes {begin}-{end - 1}/{size}"}
        self.head(status, {**headers, "Accept-Ranges": "bytes"}, end - begin)
        if self.command == "HEAD":
            return
        if isinstance(entry["content"], bytes):
            return self.send(memoryview(entry["content"])[begin:end])
        with open(entry["content"], "rb") as file:
            file.seek(begin)
            while begin < end and not self.close_connection:
                piece = file.read(min(PIECE, end - begin))
                begin += len(piece)
                self.send(piece)

    def send(self, data):
        """Slowly, wrong or not to the end, where that was asked for."""
        pace, fault = self.server.hub.pace, self.fault
        for at in range(0, len(data), PIECE):
            piece = data[at:at + PIECE]
            if fault and fault.kind == "flip" and self.entry["sent"] <= fault.after < self.entry["sent"] + len(piece):
                piece = bytearray(piece)
                piece[fault.after - self.entry["sent"]] ^= 1
            if fault and fault.kind in ("drop", "stall") and self.entry["sent"] + len(piece) > fault.after:
                self.wfile.write(piece[: fault.after - self.entry["sent"]])
                self.entry["sent"] = fault.after
                self.wfile.flush()
                time.sleep(0 if fault.kind == "drop" else 4)
                self.close_connection = True
                self.connection.close()
                return
            try:
                self.wfile.write(piece)
            except OSError:  # whoever asked is gone
                self.close_connection = True
                return
            self.entry["sent"] += len(piece)
            if pace:
                time.sleep(len(piece) / pace)

    def head(self, status, headers, length):
        self.entry["status"] = status
        super().head(status, headers, length)

    def reply(self, status, headers, body):
        self.head(status, headers, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)
            self.entry["sent"] += len(body)


class Hub:
    """Serves `repos` (name: Repo) until the program ends. `environment` is what makes a client ask it."""

    def __init__(self, scratch, repos):
        self.repos, self.log, self.faults, self.by_hash = dict(repos), [], [], {}
        self.uploads, self.messages, self.refused = hub_uploads.Uploads(), {}, set()
        self.mutex, self.delay, self.pace, self.page, self.token = threading.Lock(), 0, 0, 50, "hf_TheSecretOfThisTest"
        folder = pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, context = hub_http.certified(folder)
        self.servers = [hub_http.Server(Handler, context, hub=self, name=name) for name in ("hub", "cdn")]
        self.endpoint = f"https://localhost:{self.servers[0].port}"
        # Another host by its name, too: huggingface_hub compares names alone.
        self.cdn_address = f"https://127.0.0.1:{self.servers[1].port}"

    def environment(self, cache, token=None):
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "TRANSFORMERS_")) and not name.endswith("CA_BUNDLE")}
        keep |= {"HF_HOME": str(cache), "HF_ENDPOINT": self.endpoint, "SSL_CERT_FILE": str(self.certificate), "HF_HUB_DISABLE_XET": "1",
                 "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
        return keep | ({"HF_TOKEN": token} if token else {})

    def empty(self, private):
        """A repository as the Hub makes it."""
        return Repo({".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"}, private=private)

    def forget(self):
        with self.mutex:
            self.log.clear()
            self.faults.clear()
        for server in self.servers:
            server.connections = 0
        self.delay = self.pace = 0

    def sent(self, server="cdn"):
        with self.mutex:
            return sum(entry["sent"] for entry in self.log if entry["server"] == server and entry["method"] == "GET")
