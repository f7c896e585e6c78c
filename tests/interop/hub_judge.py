# SPDX-License-Identifier: Apache-2.0
"""What huggingface_hub, whichever version this Python has, makes of a cache: python hub_judge.py QUESTION REPO...

fill REPO: downloads all of it. read REPO [GLOB...]: the snapshot, without a network. scan: every repository and what is wrong with the
cache. verify REPO: compares with the Hub's hashes. upload REPO FOLDER BRANCH: makes both and uploads; the commit. share REPO: as a download through Xet leaves it. names TEXT...: which of them may be a repository. Prints JSON."""

import json
import os
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
import huggingface_hub as hf
import huggingface_hub.file_download
from huggingface_hub.utils import HFValidationError, validate_repo_id


def fill(repo, *globs):
    return hf.snapshot_download(repo, allow_patterns=list(globs) or None)


def read(repo, *globs):
    return hf.snapshot_download(repo, local_files_only=True, allow_patterns=list(globs) or None)


def file(repo, name):
    return hf.hf_hub_download(repo, name, local_files_only=True)


def scan():
    found = hf.scan_cache_dir()
    return {
        "warnings": [str(warning) for warning in found.warnings],
        "incomplete": len(getattr(found, "incomplete_files", ())),
        "repos": {repo.repo_id: {revision.commit_hash: sorted(str(f.file_path.relative_to(revision.snapshot_path)) for f in revision.files) for revision in repo.revisions} for repo in found.repos},
        "refs": {repo.repo_id: sorted(repo.refs) for repo in found.repos},
    }


def verify(repo):
    found = hf.HfApi().verify_repo_checksums(repo)
    return {"checked": found.checked_count, "mismatches": found.mismatches, "missing": found.missing_paths, "extra": found.extra_paths}


def share(repo):
    """Moves the large blobs into the store that repositories share, as a download through Xet does; how many."""
    from huggingface_hub.utils import _shared_blobs

    cache, count = pathlib.Path(hf.constants.HF_HUB_CACHE), 0
    for blob in (cache / hf.file_download.repo_folder_name(repo_id=repo, repo_type="model") / "blobs").iterdir():
        if len(blob.name) == 64:
            count += _shared_blobs.publish_blob_to_shared_store(blob_path=blob, xet_hash=blob.name[::-1], cache_dir=cache, expected_size=blob.stat().st_size) and blob.is_symlink()
    return count


def upload(repo, folder, branch):
    hub = hf.HfApi()
    hub.create_repo(repo, private=True, exist_ok=True)
    if branch != "main":
        hub.create_branch(repo, branch=branch, exist_ok=True)
    return hub.upload_folder(repo_id=repo, folder_path=folder, revision=branch, commit_message=os.environ.get("MESSAGE")).oid


def names(*texts):
    def may_be(text):
        try:
            validate_repo_id(text)
            return True
        except HFValidationError:
            return False

    return {text: may_be(text) for text in texts}


if __name__ == "__main__":
    answer = {"version": hf.__version__, "answer": globals()[sys.argv[1]](*sys.argv[2:])}
    print(json.dumps(answer))
