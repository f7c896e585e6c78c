#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What plugins rely on: the functions that libmhub.so exports and the layouts of the types in its public headers.

    abi.py check|record RECORD --abi N --library libmhub.so --headers public_headers.txt --include DIR -- COMPILER FLAGS...

check compares with the record; record renews it, and refuses where something that a plugin may use went or changed while
MHUB_PLUGIN_ABI stayed. Symbols are read with nm, layouts from the DWARF of a file that includes every public header.
"""
import argparse
import difflib
import os
import platform
import re
import subprocess
import sys
import tempfile

SKIPPED = 77  # CTest's SKIP_RETURN_CODE

CLASSES = {"structure_type", "class_type", "union_type"}
WRAPPERS = {"pointer_type": "*", "reference_type": "&", "rvalue_reference_type": "&&", "const_type": " const", "volatile_type": " volatile"}
DIE = re.compile(r" <([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)")
ATTRIBUTE = re.compile(r"    <[0-9a-f]+>   DW_AT_(\w+)\s*: (.*)")


def symbols(library):
    """Functions and data with a definition of their own; inline ones are compiled into whoever uses them."""
    lines = subprocess.run(["nm", "-DC", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    strong = (line.split(" ", 2) for line in lines.splitlines())
    return sorted({f"symbol {name}" for _, kind, name in strong if kind in "TDBR" and "mhub" in name})


class Die:
    def __init__(self, tag, parent):
        self.tag, self.parent, self.children, self.attributes = tag, parent, [], {}

    def name(self):
        return self.attributes.get("name", "")

    def number(self, attribute):
        return int(self.attributes.get(attribute, "0").split()[0], 0)

    def qualified(self):
        names, die = [], self
        while die is not None and die.tag != "compile_unit":
            if not (die.tag == "namespace" and "export_symbols" in die.attributes):  # std::__cxx11
                names.append(die.name() or f"(unnamed {die.tag})")
            die = die.parent
        return "::".join(reversed(names))


def value(text):
    """What readelf says of an attribute, without its form, the place of a string and notes behind a tab."""
    text = re.sub(r"^\((strp|line_strp|string|data\w+|sdata|udata|ref\w+|flag\w*|exprloc|implicit_const|addr|sec_offset)\) ", "", text)
    text = re.sub(r"^\((indirect [a-z ]*string, )?offset: \w+\): ", "", text)
    return text.split("\t")[0].rstrip()


def read_dwarf(object_file):
    dies, stack, die = {}, [], None
    readelf = subprocess.Popen(["readelf", "--wide", "--debug-dump=info", object_file], stdout=subprocess.PIPE, text=True)
    for line in readelf.stdout:
        start = DIE.match(line)
        if start:
            depth = int(start[1], 16)
            del stack[depth:]
            parent = stack[-1] if stack else None
            die = dies[int(start[2], 16)] = Die(start[3], parent)
            if parent is not None:
                parent.children.append(die)
            stack.append(die)
        elif die is not None:
            attribute = ATTRIBUTE.match(line)
            if attribute:
                die.attributes[attribute[1]] = value(attribute[2])
    if readelf.wait() != 0:
        sys.exit("readelf failed")
    return dies


def type_name(dies, die):
    reference = die.attributes.get("type")
    if reference is None:
        return "void"
    target = dies[int(re.search(r"<0x([0-9a-f]+)>", reference)[1], 16)]
    if target.tag in WRAPPERS:
        return type_name(dies, target) + WRAPPERS[target.tag]
    if target.tag == "array_type":
        bounds = [child.attributes.get("upper_bound", "?") for child in target.children]
        return f"{type_name(dies, target)}[<= {', '.join(bounds)}]"
    return target.qualified()


def members(dies, die):
    """Bases, data, virtual functions and enumerators, each with its place."""
    for child in die.children:
        if child.tag == "inheritance":
            yield f"{child.number('data_member_location')} base {type_name(dies, child)}"
        elif child.tag == "member" and "data_member_location" in child.attributes:
            yield f"{child.number('data_member_location')} {child.name()}: {type_name(dies, child)}"
        elif child.tag == "subprogram" and "vtable_elem_location" in child.attributes:
            slot = re.search(r"byte block: 10 (\w+)", child.attributes["vtable_elem_location"])  # DW_OP_constu
            yield f"virtual {int(slot[1], 16)} {child.name()}"
        elif child.tag == "enumerator":
            yield f"{child.name()} = {child.number('const_value')}"


def layouts(headers, include, compiler):
    with tempfile.TemporaryDirectory() as folder:
        source, compiled = os.path.join(folder, "abi.cpp"), os.path.join(folder, "abi.o")
        with open(source, "w") as out:
            out.writelines(f'#include "mhub/{header}"\n' for header in headers)
        subprocess.run([*compiler, "-g", "-gdwarf-4", "-O0", "-fno-eliminate-unused-debug-types", "-femit-class-debug-always", "-I", include, "-c", source, "-o", compiled], check=True)
        dies = read_dwarf(compiled)
    found = set()
    for die in dies.values():
        if die.tag not in CLASSES | {"enumeration_type"} or "declaration" in die.attributes or not die.name():
            continue
        name = die.qualified()
        if not name.startswith("mhub::") or "(unnamed" in name or "(lambda" in name:
            continue
        found.add(f"type {name}: {die.number('byte_size')} bytes")
        found.update(f"type {name}: {member}" for member in members(dies, die))
    return sorted(found, key=in_order)


def in_order(line):
    type_part, what = line.split(": ", 1)
    number = re.match(r"\d+ ", what)
    return type_part, int(number[0]) if number and not what.endswith(" bytes") else -1, what


def breaks(old, new):
    """What went or changed, and new members and virtual functions of old types. Only what is wholly new breaks nothing."""
    types = {line.split(": ", 1)[0] for line in old if line.startswith("type ")}
    gone = [line for line in old if line not in new]
    inside = [line for line in new if line not in old and line.split(": ", 1)[0] in types]
    return gone + inside


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["check", "record"])
    parser.add_argument("record")
    for name in ("abi", "library", "headers", "include"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("compiler", nargs="+")
    arguments = parser.parse_args()
    version = subprocess.run([arguments.compiler[0], "-dumpversion"], check=True, capture_output=True, text=True).stdout.split(".")[0].strip()
    platform_line = f"on {platform.machine()} with {os.path.basename(arguments.compiler[0])} {version}"
    recorded = open(arguments.record).read().splitlines() if os.path.exists(arguments.record) else ["none", platform_line]
    if arguments.mode == "check" and recorded[1] != platform_line:
        print(f"the record was made {recorded[1]}, this is {platform_line}: nothing to compare")
        return SKIPPED
    headers = open(arguments.headers).read().split()
    now = [f"plugin ABI {arguments.abi}", platform_line] + symbols(arguments.library) + layouts(headers, arguments.include, arguments.compiler)
    if now == recorded:
        print(f"as recorded: {len(now) - 2} symbols, sizes and members")
        return 0
    broken = breaks(set(recorded[2:]), set(now[2:])) if now[0] == recorded[0] and now[1] == recorded[1] else []
    if broken:
        print(f"{len(broken)} things that plugins may rely on went or changed, and the number is still {arguments.abi}: raise MHUB_PLUGIN_ABI in CMakeLists.txt, then renew the record (tests/abi/README.md)")
    if arguments.mode == "record" and not broken:
        with open(arguments.record, "w") as out:
            out.write("\n".join(now) + "\n")
        return 0
    if not broken:
        print("the record is out of date: renew it (tests/abi/README.md)")
    for line in list(difflib.unified_diff(recorded, now, "recorded", "now", lineterm="", n=0))[:60]:
        print(line)
    return 1


if __name__ == "__main__":
    sys.exit(main())
