// SPDX-License-Identifier: Apache-2.0
// What is recognised but not supported: a line each.
#include <array>

#include "mhub/formats/megatron/megatron_format.hpp"

namespace mhub {
namespace {

/// The folder of an iteration, for checkpoints that Megatron-LM wrote, else the path itself.
fs::path inner_folder(const fs::path& path) {
  const fs::path folder = megatron_folder(path.string());
  return folder.empty() ? path : folder;
}

struct Known {
  bool (*probe)(const fs::path& path);
  const char* sentence;
};

constexpr std::array<Known, 5> kKnown{{
    {[](const fs::path& path) { return fs::is_regular_file(path) && begins_with(path, "GGUF"); },
     "is a GGUF file, which mhub does not read; transformers makes a folder of it: "
     "from_pretrained(DIR, gguf_file=FILE).save_pretrained(OUT)"},
    {[](const fs::path& path) { return fs::is_regular_file(path) && path.extension() == ".safetensors"; },
     "is a single safetensors file, which does not say what model it is; give the folder that also has its "
     "config.json"},
    {[](const fs::path& path) { return fs::is_regular_file(path / "adapter_config.json"); },
     "is a PEFT adapter, which is no model without its base; merge the two with peft (merge_and_unload), "
     "save the "
     "result and give that folder"},
    // torch.distributed.checkpoint alone; Megatron-Core adds metadata.json to its own format.
    {[](const fs::path& path) {
       const fs::path folder = inner_folder(path);
       return fs::is_regular_file(folder / ".metadata") && !fs::is_regular_file(folder / "metadata.json");
     },
     "is a checkpoint of Megatron-FSDP or FSDP2 (--ckpt-format fsdp_dtensor or torch_dcp), which mhub does "
     "not read; save it from Megatron with --ckpt-format torch_dist"},
    // The backend that Megatron-Core had before torch_dist: one folder a tensor.
    {[](const fs::path& path) {
       const fs::path file = inner_folder(path) / "metadata.json";
       return fs::is_regular_file(file) &&
              read_file(file.string(), 1 << 20).find("\"zarr\"") != std::string::npos;
     },
     "is a Megatron checkpoint with zarr's folders, which mhub does not read; load it with Megatron-Core "
     "before 0.12 and save it with --ckpt-format torch_dist"},
}};

}  // namespace

std::string unsupported_format(const std::string& path) {
  for (const Known& one : kKnown) {
    if (one.probe(path)) return path + ": " + one.sentence;
  }
  if (!fs::is_regular_file(fs::path(path) / kTracker)) return {};
  return megatron_folder(path).string() + ": no Megatron checkpoint there";
}

}  // namespace mhub
