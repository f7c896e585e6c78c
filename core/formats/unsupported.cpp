// SPDX-License-Identifier: Apache-2.0
// What is recognised but not supported, with what to do about it: a line each.
#include <algorithm>
#include <array>

#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"

namespace mhub {
namespace {

/// The folder of an iteration, for checkpoints that Megatron-LM wrote, else the path itself.
fs::path inner_folder(const fs::path& path) {
  const fs::path folder = megatron_folder(path.string());
  return folder.empty() ? path : folder;
}

bool has_file(const fs::path& folder, const char* name) { return fs::is_regular_file(folder / name); }

/// Whether a folder has an entry whose name begins and ends so.
bool has_entry(const fs::path& folder, std::string_view begin, std::string_view end) {
  if (!fs::is_directory(folder)) return false;
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(), [&](const auto& entry) {
    const std::string name = entry.path().filename().string();
    return name.size() >= begin.size() + end.size() && name.starts_with(begin) && name.ends_with(end);
  });
}

/// torch.distributed.checkpoint alone; Megatron-Core adds metadata.json to its own format.
bool is_plain_dcp(const fs::path& folder) {
  return has_file(folder, ".metadata") && !has_file(folder, "metadata.json");
}

bool is_file(const fs::path& path, const char* extension) {
  return fs::is_regular_file(path) && path.extension() == extension;
}

bool is_deepspeed(const fs::path& path) {
  return has_entry(path, "zero_pp_rank_", ".pt") || has_entry(path, "mp_rank_", "_model_states.pt") ||
         (has_file(path, "latest") && has_entry(path, "global_step", ""));
}

/// A folder of transformers whose weights are none that mhub reads, or not all there.
bool lacks_weights(const fs::path& path) {
  return has_file(path, "config.json") && !has_weights(path.string());
}

bool has_folder(const fs::path& folder, bool (*wanted)(const fs::path& path)) {
  if (!fs::is_directory(folder)) return false;
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(),
                     [&](const auto& entry) { return wanted(entry.path()); });
}

/// A worker's save of verl: one step's folder, or that of one of its models.
bool is_verl_megatron(const fs::path& path) {
  return fs::is_directory(path / "dist_ckpt") || fs::is_directory(path / "actor/dist_ckpt");
}
bool is_verl_fsdp(const fs::path& path) {
  return has_entry(path, "model_world_size_", ".pt") || has_entry(path / "actor", "model_world_size_", ".pt");
}

struct Known {
  bool (*probe)(const fs::path& path);
  const char* sentence;
};

/// These go before any format that would know the folder too.
constexpr std::array<Known, 8> kInTheWay{{
    {[](const fs::path& path) {
       return has_file(path, "adapter_config.json") && has_file(path, "config.json");
     },
     "has a PEFT adapter (adapter_config.json) beside its base model, and transformers would apply it; merge "
     "the two with peft (merge_and_unload) and give the result, or move adapter_config.json and "
     "adapter_model.* away for the base alone"},
    {[](const fs::path& path) { return lacks_weights(path) && has_entry(path, "pytorch_model_fsdp", ""); },
     "has weights in pytorch_model_fsdp_*, sharded by Accelerate's FSDP, which mhub does not read; "
     "accelerate "
     "merge-weights makes one model of them"},
    {[](const fs::path& path) { return lacks_weights(path) && is_deepspeed(path); },
     "has its weights in DeepSpeed's shards, which mhub does not read; zero_to_fp32.py in it makes one model "
     "of them"},
    {[](const fs::path& path) {
       return lacks_weights(path) &&
              (has_entry(path, "model-", ".safetensors") || has_entry(path, "pytorch_model-", ".bin"));
     },
     "has shards of weights, but not the index that says which tensor is where "
     "(model.safetensors.index.json, pytorch_model.bin.index.json): the download is incomplete"},
    {[](const fs::path& path) {
       return lacks_weights(path) && has_entry(path, "consolidated", ".safetensors");
     },
     "has its weights in Mistral's own format only (consolidated*.safetensors), which mhub does not read; "
     "the "
     "Hub has the same models with model*.safetensors"},
    {[](const fs::path& path) { return lacks_weights(path) && has_entry(path, "", ".gguf"); },
     "has its weights as GGUF only, which mhub does not read; transformers makes a folder of it: "
     "from_pretrained(DIR, gguf_file=FILE).save_pretrained(OUT)"},
    {[](const fs::path& path) {
       return lacks_weights(path) && (has_entry(path, "", ".onnx") || has_entry(path, "onnx", ""));
     },
     "has its weights as ONNX only, which mhub does not read; give the folder with model.safetensors that "
     "they were exported from"},
    {[](const fs::path& path) {
       return lacks_weights(path) && (has_entry(path, "", ".msgpack") || has_entry(path, "tf_model", ".h5"));
     },
     "has weights of Flax or TensorFlow only, which mhub does not read; transformers 4 makes a folder of "
     "them: from_pretrained(DIR, from_flax=True) or from_tf=True, then save_pretrained(OUT)"},
}};

constexpr std::array<Known, 16> kKnown{{
    {[](const fs::path& path) { return fs::is_regular_file(path) && begins_with(path, "GGUF"); },
     "is a GGUF file, which mhub does not read; transformers makes a folder of it: "
     "from_pretrained(DIR, gguf_file=FILE).save_pretrained(OUT)"},
    {[](const fs::path& path) { return is_file(path, ".safetensors"); },
     "is a single safetensors file, which does not say what model it is; give the folder that also has its "
     "config.json"},
    {[](const fs::path& path) { return is_file(path, ".distcp"); },
     "is one rank's part of a distributed checkpoint; give the folder that it lies in"},
    {[](const fs::path& path) { return is_file(path, ".json"); },
     "is a single file; give the folder that it lies in"},
    {[](const fs::path& path) { return is_file(path, ".nemo"); },
     "is an archive of NeMo, which mhub does not read; unpack it (tar xf) and give the folder of its weights "
     "with --hf-reference DIR, or export it with NeMo"},
    {[](const fs::path& path) {
       return is_file(path, ".pt") || is_file(path, ".pth") || is_file(path, ".bin");
     },
     "is a single PyTorch file, which does not say what model it is; give the folder that also has its "
     "config.json, or the root of the Megatron checkpoint"},
    {[](const fs::path& path) { return has_file(path, "adapter_config.json"); },
     "is a PEFT adapter, which is no model without its base; merge the two with peft (merge_and_unload), "
     "save the result and give that folder"},
    {[](const fs::path& path) { return has_file(path, "model_index.json"); },
     "is a pipeline of diffusers, which is several models; mhub converts language models"},
    {[](const fs::path& path) { return has_entry(path, "consolidated.", ".pth"); },
     "is in Meta's own format (consolidated.*.pth), which mhub does not read; transformers has "
     "convert_llama_weights_to_hf.py for it, and the Hub has the same models with safetensors"},
    {[](const fs::path& path) {
       return has_file(path, "weights/.metadata") && fs::is_directory(path / "context");
     },
     "is a checkpoint of NeMo 2; give its folder weights with --hf-reference DIR, a Hugging Face folder with "
     "the model's config.json"},
    {[](const fs::path& path) {
       return has_entry(path, "consolidated", ".safetensors") && has_file(path, "params.json");
     },
     "is in Mistral's own format (params.json, consolidated*.safetensors), which mhub does not read; the Hub "
     "has the same models with config.json and model*.safetensors"},
    {[](const fs::path& path) { return is_verl_megatron(path) || has_folder(path, is_verl_megatron); },
     "is a save of verl's Megatron workers; give its folder dist_ckpt with --hf-reference .../huggingface"},
    {[](const fs::path& path) { return is_verl_fsdp(path) || has_folder(path, is_verl_fsdp); },
     "is a save of verl's FSDP workers, which mhub does not read; verl.model_merger makes a Hugging Face "
     "folder of it"},
    {is_deepspeed,
     "is a checkpoint of DeepSpeed, which mhub does not read; zero_to_fp32.py in it makes one model of it"},
    {[](const fs::path& path) { return is_plain_dcp(inner_folder(path)); },
     "is a checkpoint of Megatron-FSDP or FSDP2 (--ckpt-format fsdp_dtensor or torch_dcp, or Accelerate's "
     "SHARDED_STATE_DICT), which mhub does not read; save it from Megatron with --ckpt-format torch_dist"},
    // The backend that Megatron-Core had before torch_dist: one folder a tensor.
    {[](const fs::path& path) {
       const fs::path folder = inner_folder(path), file = folder / "metadata.json";
       if (!fs::is_regular_file(file))
         return has_folder(folder, [](const fs::path& tensor) { return has_file(tensor, ".zarray"); });
       return read_file(file.string(), 1 << 20).find("\"zarr\"") != std::string::npos;
     },
     "is a Megatron checkpoint with zarr's folders, which mhub does not read; load it with Megatron-Core "
     "before 0.12 and save it with --ckpt-format torch_dist"},
}};

template <std::size_t N>
std::string sentence_of(const std::array<Known, N>& known, const std::string& path) {
  for (const Known& one : known) {
    if (one.probe(path)) return path + ": " + one.sentence;
  }
  return {};
}

/// The folders in it that could be given instead.
std::string readable_inside(const std::string& path) {
  if (!fs::is_directory(path)) return {};
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_directory() && find_format(entry.path().string()) != nullptr)
      names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  constexpr std::size_t kShown = 5;
  std::string list;
  for (std::size_t k = 0; k < std::min(kShown, names.size()); ++k) list += (k == 0 ? "" : ", ") + names[k];
  return names.size() > kShown ? list + " and " + std::to_string(names.size() - kShown) + " more" : list;
}

}  // namespace

std::string format_in_the_way(const std::string& path) { return sentence_of(kInTheWay, path); }

std::string unsupported_format(const std::string& path) {
  if (std::string known = sentence_of(kKnown, path); !known.empty()) return known;
  const std::string there = listed_iterations(path);
  if (has_file(path, kTracker))
    return megatron_folder(path).string() + ": no Megatron checkpoint there" +
           (there.empty() ? ""
                          : "; " + path + " has " + there +
                                ": give one of these folders, or --from-iteration to convert");
  if (!there.empty())
    return path + ": has " + there + ", but no " + kTracker +
           " that says which is meant: give one of these folders, or --from-iteration to convert";
  if (const std::string inside = readable_inside(path); !inside.empty())
    return path + ": is no checkpoint, but has some in it; give one of " + inside;
  return {};
}

}  // namespace mhub
