#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs mhub, builds examples/plugin against the installed package, and converts a model of that family with it; builds
# examples/generate and generates from a checkpoint with it.
# Called by CTest: run.sh SOURCE BUILD SCRATCH [cmake arguments]
set -eu
source=$1 build=$2 scratch=$3
shift 3
rm -rf "$scratch"
mkdir -p "$scratch/broken"
cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
cmake -S "$source/examples/plugin" -B "$scratch/plugin" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release "$@" >"$scratch/configure.log"
cmake --build "$scratch/plugin"
ctest --test-dir "$scratch/plugin" --no-tests=error
mhub=$scratch/prefix/bin/mhub
python3 "$source/tests/plugin/tiny_stablelm.py" "$scratch/hf"

fail() { echo "FAIL: $*" >&2; exit 1; }

"$mhub" plugins | grep -q llama || fail "the installed plugins are not found"

# Of the installed plugins only the needed one is opened.
python3 "$source/examples/tiny_llama.py" "$scratch/llama"
opened() { LD_DEBUG=files "$mhub" inspect "$scratch/llama" 2>&1 >"$scratch/inspected" | grep -o "file=.*libmhub_plugin_[a-z0-9_]*.so" | sort -u | wc -l; }
[ "$(opened)" = 1 ] || fail "opened $(opened) plugins for one model"
touch -d "1 hour ago" "$scratch"/prefix/lib/mhub/plugins/libmhub_plugin_gpt2.so
[ "$(opened)" = 2 ] || fail "an index that is out of date is used"
"$mhub" plugins --write-index "$scratch/prefix/lib/mhub/plugins"
[ "$(opened)" = 1 ] || fail "a renewed index is not used"
if "$mhub" convert "$scratch/hf" "$scratch/early" 2>"$scratch/error"; then fail "converted without the plugin"; fi
grep -q "no plugin for StableLmForCausalLM" "$scratch/error" || fail "unclear error: $(cat "$scratch/error")"

# A library that is no plugin, and one of another ABI, are named and skipped; the rest goes on.
echo "not a library" >"$scratch/broken/libmhub_plugin_text.so"
printf 'extern "C" const unsigned mhub_plugin_abi = 999999;\nextern "C" void mhub_plugin_register() {}\n' >"$scratch/old.cpp"
c++ -shared -fPIC -o "$scratch/broken/libmhub_plugin_old.so" "$scratch/old.cpp"
export MHUB_PLUGIN_PATH="$scratch/broken:$scratch/plugin"
"$mhub" plugins >"$scratch/list" 2>"$scratch/skipped"
grep -q StableLmForCausalLM "$scratch/list" || fail "the plugin is not listed"
grep -q "libmhub_plugin_text.so" "$scratch/skipped" || fail "a broken plugin is not reported"
grep -q "plugin ABI 999999" "$scratch/skipped" || fail "another ABI is not reported"

for layout in "--tp 2" "--to torch --tp 2 --pp 2"; do
  rm -rf "$scratch/out"
  "$mhub" convert "$scratch/hf" "$scratch/out" $layout --verify
  "$mhub" verify "$scratch/hf" "$scratch/out"
done
echo "out-of-tree plugin: installed, built, listed, converted and verified"

# A config that contradicts itself is bad input; a plugin's own mistake is a bug, which says so and has its own code.
mkdir -p "$scratch/buggy"
printf 'cmake_minimum_required(VERSION 3.22)\nproject(buggy LANGUAGES CXX)\nfind_package(mhub REQUIRED)\nmhub_add_plugin(buggy %s)\n' \
  "$source/tests/plugin/buggy.cpp" >"$scratch/buggy/CMakeLists.txt"
cmake -S "$scratch/buggy" -B "$scratch/buggy/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release "$@" >>"$scratch/configure.log"
cmake --build "$scratch/buggy/build"
while read -r mistake expected words; do
  echo "{\"model_type\": \"buggy\", \"mistake\": $mistake}" >"$scratch/buggy/config.json"
  code=0
  MHUB_PLUGIN_PATH="$scratch/buggy/build" "$mhub" plugins --check BuggyForCausalLM "$scratch/buggy/config.json" >"$scratch/error" 2>&1 || code=$?
  [ "$code" = "$expected" ] && grep -q "$words" "$scratch/error" || fail "mistake $mistake: code $code, expected $expected: $(cat "$scratch/error")"
done <<END
0 0 1 Megatron tensors
1 70 please report it
2 3 config.json: this config cannot be mapped: mistake=2
3 1 two rules make a
END
echo "a plugin's mistakes: told from bad input"

cmake -S "$source/examples/generate" -B "$scratch/generate" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release "$@" >>"$scratch/configure.log"
cmake --build "$scratch/generate"
"$mhub" convert "$scratch/llama" "$scratch/llama-tp2" --tp 2
expected=$("$mhub" generate "$scratch/llama" --tokens 1,2,3 --max-new-tokens 8 --temperature 0 --json |
  python3 -c 'import json, sys; print(*json.load(sys.stdin)["tokens"])')
for model in llama llama-tp2; do
  "$scratch/generate/generate" "$scratch/$model" >"$scratch/generated"
  grep -q "(model): LlamaForCausalLM" "$scratch/generated" || fail "the model is not printed: $(cat "$scratch/generated")"
  grep -q "^4 heads in 2 groups$" "$scratch/generated" || fail "the typed config is wrong: $(cat "$scratch/generated")"
  grep -q "^decoder.layers.1.self_attention.linear_qkv.weight: 8192 elements$" "$scratch/generated" || fail "the state is wrong: $(cat "$scratch/generated")"
  [ "$(tail -n 1 "$scratch/generated" | sed 's/ $//')" = "$expected" ] || fail "generated $(tail -n 1 "$scratch/generated"), mhub generate $expected"
done
if "$scratch/generate/generate" "$scratch/hf" 2>"$scratch/error"; then fail "another class was accepted"; fi
grep -q "StableLmForCausalLM" "$scratch/error" && grep -q "LlamaForCausalLM" "$scratch/error" || fail "unclear error: $(cat "$scratch/error")"
echo "program outside the repository: built, typed config, state and tokens right"
