#!/bin/sh
# Installs mhub, builds examples/plugin against the installed package, and converts a model of that family with it.
# Called by CTest: run.sh SOURCE BUILD SCRATCH [cmake arguments]
set -eu
source=$1 build=$2 scratch=$3
shift 3
rm -rf "$scratch"
mkdir -p "$scratch/broken"
cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
cmake -S "$source/examples/plugin" -B "$scratch/plugin" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release "$@" >"$scratch/configure.log"
cmake --build "$scratch/plugin"
mhub=$scratch/prefix/bin/mhub
python3 "$source/tests/plugin/tiny_stablelm.py" "$scratch/hf"

fail() { echo "FAIL: $*" >&2; exit 1; }

"$mhub" plugins | grep -q llama || fail "the installed plugins are not found"
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
