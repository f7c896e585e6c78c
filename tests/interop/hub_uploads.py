# SPDX-License-Identifier: Apache-2.0
"""How the tests' Hub takes uploads, as huggingface_hub asks for them: _commit_api.py and lfs.py of 1.33 and 2.4, git-lfs' docs/api/batch.md.

Files above `Uploads.part` bytes go up in parts. What was uploaded is kept whether or not a commit names it."""

import base64
import dataclasses
import fnmatch
import hashlib
import json
import re
import time

PIECE = 256 << 10
LFS = "application/vnd.git-lfs+json"


class Uploads:
    """What a Hub has been given and no commit has, yet."""

    def __init__(self):
        self.part, self.store, self.parts = 5 << 20, {}, {}


def stored(hub, oid):
    return oid in hub.uploads.store or any(entry["sha256"] == oid for repo in hub.repos.values() for branch in (repo, *repo.branches.values()) for entry in branch.entries.values())


def content_of(hub, oid):
    return hub.uploads.store.get(oid) or next(entry["content"] for repo in hub.repos.values() for branch in (repo, *repo.branches.values()) for entry in branch.entries.values() if entry["sha256"] == oid)


class Uploading:
    """The part of the server's handler that answers POST and PUT."""

    def receive(self):
        """The body, counted as it comes, and as slowly as was asked for."""
        left, body = int(self.headers.get("content-length", 0)), bytearray()
        while left > 0 and (piece := self.rfile.read(min(PIECE, left))):
            left -= len(piece)
            body += piece
            self.entry["received"] += len(piece)
            if self.server.hub.pace:
                time.sleep(len(piece) / self.server.hub.pace)
        return bytes(body) if left == 0 else None

    def take(self, hub, path):
        body = self.receive()
        if body is None:  # whoever sent is gone
            self.close_connection = True
        elif self.fault and self.fault.kind == "status":
            self.reply(self.fault.status, self.fault.headers, b'{"error": "no"}')
        elif self.server.name == "cdn":
            self.take_object(hub, path, body)
        else:
            self.take_question(hub, path, body)

    def take_question(self, hub, path, body):
        if path == "/api/complete_multipart":
            return self.complete(hub, json.loads(body))
        if path == "/api/validate-yaml":
            wrong = "wrong: [" in json.loads(body)["content"]
            return self.json({"errors": [{"message": "not YAML"}] if wrong else [], "warnings": []}, status=400 if wrong else 200)
        token = self.headers.get("authorization")
        if token != f"Bearer {hub.token}":
            return self.reply(401, {"X-Error-Message": "Invalid credentials in Authorization header"} if token else {}, b"{}")
        if path == "/api/repos/create":
            return self.create(hub, json.loads(body))
        for pattern, answer in ((r"/api/models/(.+)/branch/(.+)", self.branch), (r"/api/models/(.+)/preupload/(.+)", self.preupload), (r"/api/models/(.+)/commit/(.+)", self.commit),
                                (r"/(.+)\.git/info/lfs/objects/(batch)", self.batch), (r"/(.+)\.git/info/lfs/(verify)", self.verify)):
            if found := re.fullmatch(pattern, path):
                repo = hub.repos.get(found[1])
                if repo is None:
                    return self.reply(404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, b"{}")
                return answer(hub, repo, found[1], found[2], body)
        return self.reply(404, {}, b"not found")

    def create(self, hub, asked):
        name = f"{asked['organization']}/{asked['name']}"
        if name in hub.repos:
            return self.reply(409, {"X-Error-Message": "You already created this model repo"}, b"{}")
        hub.repos[name] = hub.empty(private=asked.get("visibility") == "private")
        self.json({"url": f"{hub.endpoint}/{name}", "name": name})

    def branch(self, hub, repo, name, branch, body):
        if branch in repo.branches:
            return self.reply(409, {"X-Error-Message": "Reference already exists"}, b"{}")
        repo.branches[branch] = dataclasses.replace(repo, branches={})
        self.json({"ref": branch})

    def known(self, repo, revision):
        found = repo.at(revision)
        if found is None:
            self.reply(404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}, b"{}")
        return found

    def preupload(self, hub, repo, name, revision, body):
        if (branch := self.known(repo, revision)) is None:
            return
        asked, files = json.loads(body), []
        ignored = asked.get("gitIgnore", "").split()
        for file in asked["files"]:
            entry = branch.entries.get(file["path"])
            assert len(base64.b64decode(file["sample"])) == min(512, file["size"])
            files.append({"path": file["path"], "uploadMode": "lfs" if repo.is_large(file["path"], file["size"]) else "regular",
                          "shouldIgnore": any(fnmatch.fnmatch(file["path"], pattern) for pattern in ignored), "oid": entry and (entry["sha256"] or entry["sha1"])})
        self.json({"files": files})

    def batch(self, hub, repo, name, what, body):
        objects, asked = [], json.loads(body)
        assert self.headers["content-type"] == self.headers["accept"] == LFS and asked["operation"] == "upload" and asked["hash_algo"] == "sha256"
        for one in asked["objects"]:
            answer = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] in hub.refused:
                answer["error"] = {"code": 507, "message": "no room"}
            elif not stored(hub, one["oid"]):
                answer["authenticated"] = True
                answer["actions"] = self.actions(hub, name, one)
            objects.append(answer)
        self.json({"transfer": "multipart", "objects": objects})

    def actions(self, hub, name, one):
        oid, size, part = one["oid"], one["size"], hub.uploads.part
        verify = {"href": f"{hub.endpoint}/{name}.git/info/lfs/verify"}
        if size <= part:
            return {"upload": {"href": f"{hub.cdn_address}/lfs/{oid}?X-Amz-Signature=0123456789abcdef"}, "verify": verify}
        upload = f"{len(hub.uploads.parts)}-{oid[:8]}"
        hub.uploads.parts[upload] = {}
        header = {str(k + 1): f"{hub.cdn_address}/part/{upload}/{k + 1}?X-Amz-Signature=0123456789abcdef" for k in range(-(-size // part))}
        return {"upload": {"href": f"{hub.endpoint}/api/complete_multipart?uploadId={upload}&signature=0123456789abcdef", "header": {"chunk_size": str(part), **header}}, "verify": verify}

    def take_object(self, hub, path, body):
        if "X-Amz-Signature=" not in self.path or self.headers.get("authorization"):
            return self.reply(403, {}, b"<Error><Code>AccessDenied</Code></Error>")
        etag = {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        if found := re.fullmatch(r"/part/(.+)/(\d+)", path):
            hub.uploads.parts[found[1]][int(found[2])] = (etag["ETag"], body)
        elif path != f"/lfs/{hashlib.sha256(body).hexdigest()}":
            return self.reply(400, {}, b"<Error><Code>BadDigest</Code></Error>")
        else:
            hub.uploads.store[path.rsplit("/", 1)[1]] = body
        self.reply(200, etag, b"")

    def complete(self, hub, asked):
        parts = hub.uploads.parts.pop(re.search("uploadId=([^&]+)", self.path)[1])
        listed = [(part["partNumber"], part["etag"]) for part in asked["parts"]]
        body = b"".join(parts[number][1] for number in sorted(parts))
        if listed != [(number, parts[number][0]) for number in sorted(parts)] or hashlib.sha256(body).hexdigest() != asked["oid"]:
            return self.reply(400, {"X-Error-Message": "the parts are not the object"}, b"{}")
        hub.uploads.store[asked["oid"]] = body
        self.json({"success": True})

    def verify(self, hub, repo, name, what, body):
        asked = json.loads(body)
        there = stored(hub, asked["oid"]) and len(content_of(hub, asked["oid"])) == asked["size"]
        self.reply(200 if there else 404, {}, b"{}")

    def commit(self, hub, repo, name, revision, body):
        if (branch := self.known(repo, revision)) is None:
            return
        files = dict(branch.files)
        header, *lines = [json.loads(line) for line in body.splitlines()]
        assert header["key"] == "header" and header["value"]["summary"] and self.headers["content-type"] == "application/x-ndjson"
        for line in lines:
            value = line["value"]
            if line["key"] == "deletedFile":
                del files[value["path"]]
                continue
            if line["key"] == "lfsFile" and not stored(hub, value["oid"]):
                return self.reply(400, {"X-Error-Message": f"{value['path']}: no such object"}, b"{}")
            files[value["path"]] = base64.b64decode(value["content"]) if line["key"] == "file" else content_of(hub, value["oid"])
        made = dataclasses.replace(branch, files=files, commit="")
        hub.messages[made.commit] = header["value"]["summary"]
        if branch is repo:
            hub.repos[name] = made
        else:
            repo.branches[revision] = made
        if self.fault and self.fault.kind == "drop":  # it was done, and nobody was told
            self.close_connection = True
            return self.connection.close()
        self.json({"success": True, "commitOid": made.commit, "commitUrl": f"{hub.endpoint}/{name}/commit/{made.commit}", "hookOutput": ""})
