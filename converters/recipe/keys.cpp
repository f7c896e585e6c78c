// SPDX-License-Identifier: Apache-2.0
#include "keys.hpp"

#include <algorithm>
#include <array>

#include "converters/options.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"

namespace mhub::converters {
namespace {

using Kind = KeyKind;

constexpr std::array<ConvertKey, 26> kKeys{{
    {"to", Kind::text, "torch_dist (default), torch, hf, hdf5, or null (nothing is kept)",
     [](ConvertRequest& o, const std::string& v) { o.write.format = parse_format(v); }},
    {"tp", Kind::number, "tensor-parallel size",
     [](ConvertRequest& o, const std::string& v) { o.write.tp = parse_size(v); }},
    {"pp", Kind::number, "pipeline-parallel size",
     [](ConvertRequest& o, const std::string& v) { o.write.pp = parse_size(v); }},
    {"vpp", Kind::number, "virtual pipeline stages (model chunks) per pipeline rank",
     [](ConvertRequest& o, const std::string& v) { o.write.vpp = parse_size(v); }},
    {"ep", Kind::number, "expert-parallel size",
     [](ConvertRequest& o, const std::string& v) { o.write.ep = parse_size(v); }},
    {"etp", Kind::number, "expert-tensor-parallel size (default: the tensor-parallel size)",
     [](ConvertRequest& o, const std::string& v) { o.write.etp = parse_size(v); }},
    {"pp_layout", Kind::text,
     "pipeline layout, as Megatron-LM's --pipeline-model-parallel-layout: \"Et*3|(tt|)*29,m|L\"",
     [](ConvertRequest& o, const std::string& v) { o.write.pipeline.layout = v; }},
    {"first_stage_layers", Kind::number, "layers of the first pipeline stage",
     [](ConvertRequest& o, const std::string& v) { o.write.pipeline.first_stage_layers = parse_size(v); }},
    {"last_stage_layers", Kind::number, "layers of the last pipeline stage",
     [](ConvertRequest& o, const std::string& v) { o.write.pipeline.last_stage_layers = parse_size(v); }},
    {"account_for_embedding", Kind::flag, "the embedding counts as a layer when stages are cut",
     [](ConvertRequest& o, const std::string& v) { o.write.pipeline.account_for_embedding = parse_flag(v); }},
    {"account_for_loss", Kind::flag, "the loss counts as a layer when stages are cut",
     [](ConvertRequest& o, const std::string& v) { o.write.pipeline.account_for_loss = parse_flag(v); }},
    {"dtype", Kind::text, "cast to bf16, fp16 or fp32",
     [](ConvertRequest& o, const std::string& v) { o.write.dtype = parse_dtype(v); }},
    {"allow_overflow", Kind::flag, "go on where a cast makes finite values infinite",
     [](ConvertRequest& o, const std::string& v) { o.run.allow_overflow = parse_flag(v); }},
    {"make_vocab_size_divisible_by", Kind::number,
     "pad the vocabulary to a multiple of this times TP (default: 128 for torch, none for torch_dist)",
     [](ConvertRequest& o, const std::string& v) { o.write.vocab_divisible_by = parse_divisor(v); }},
    {"transformer_impl", Kind::text, "whose parameter names: te (default) or local",
     [](ConvertRequest& o, const std::string& v) { o.write.impl = parse_impl(v); }},
    {"model_type", Kind::text,
     "Megatron model to name tensors for: gpt, hybrid, or vlm (default where Megatron-Bridge has one)",
     [](ConvertRequest& o, const std::string& v) { o.write.model_type = parse_model_type(v); }},
    {"iteration", Kind::text, "number of the iteration that is written, or release (default)",
     [](ConvertRequest& o, const std::string& v) { o.write.iteration = parse_iteration(v); }},
    {"from_iteration", Kind::text, "iteration of a Megatron source that is read (default: the newest)",
     [](ConvertRequest& o, const std::string& v) {
       o.open.iteration = iteration_folder(parse_iteration(v));
     }},
    {"max_shard_size", Kind::text,
     "hf: largest file, like 5GB (default: the original's files where they are known, else 5GB)",
     [](ConvertRequest& o, const std::string& v) { o.write.max_shard_bytes = parse_bytes(v); }},
    {"hf_reference", Kind::path,
     "Hugging Face folder whose config.json, tokenizer and carried tensors count for a Megatron source",
     [](ConvertRequest& o, const std::string& v) { o.open.hf_reference = v; }},
    {"hf_class", Kind::text, "class to export to where a Megatron source fits several",
     [](ConvertRequest& o, const std::string& v) { o.open.hf_class = v; }},
    {"no_cache", Kind::flag,
     "a source on the Hub is read from there while it is converted; no copy of it is kept",
     [](ConvertRequest& o, const std::string& v) {
       o.open.use = parse_flag(v) ? SourceUse::stream : SourceUse::model;
     },
     true},
    {"jobs", Kind::number, "threads (default: all processors)",
     [](ConvertRequest& o, const std::string& v) { o.run.jobs = parse_jobs(v); }, true},
    {"verify", Kind::flag, "compare the result with the source before it gets its name",
     [](ConvertRequest& o, const std::string& v) { o.run.verify = parse_flag(v); }, true},
    {"overwrite", Kind::flag, "replace OUT if mhub wrote all of it",
     [](ConvertRequest& o, const std::string& v) { o.run.overwrite = parse_flag(v); }, true},
    {"resume", Kind::flag, "go on with an interrupted conversion, if there is one",
     [](ConvertRequest& o, const std::string& v) { o.run.resume = parse_flag(v); }, true},
}};

/// Keys that only a recipe has: on the command line they are arguments.
constexpr std::array<ConvertKey, 2> kPlaces{
    {{"source", Kind::path, "what is converted: any checkpoint that mhub convert takes, or ${outputs.NAME}",
      [](ConvertRequest& o, const std::string& v) { o.source = v; }},
     {"output", Kind::path, "the folder (hdf5: file) to write",
      [](ConvertRequest& o, const std::string& v) { o.output = v; }}}};

/// Megatron-LM's arguments (megatron/training/arguments.py) and Megatron-Core's config
/// (model_parallel_config.py, transformer_config.py) where they mean the same: both count virtual stages per
/// pipeline rank under these names, while num_layers_per_virtual_pipeline_stage counts layers.
constexpr std::array<Spelling, 13> kSpellings{{
    {"tensor_model_parallel_size", "tp"},
    {"pipeline_model_parallel_size", "pp"},
    {"virtual_pipeline_model_parallel_size", "vpp"},
    {"num_virtual_stages_per_pipeline_rank", "vpp"},
    {"expert_model_parallel_size", "ep"},
    {"expert_tensor_parallel_size", "etp"},
    {"pipeline_model_parallel_layout", "pp_layout"},
    {"decoder_first_pipeline_num_layers", "first_stage_layers"},
    {"num_layers_in_first_pipeline_stage", "first_stage_layers"},
    {"decoder_last_pipeline_num_layers", "last_stage_layers"},
    {"num_layers_in_last_pipeline_stage", "last_stage_layers"},
    {"account_for_embedding_in_pipeline_split", "account_for_embedding"},
    {"account_for_loss_in_pipeline_split", "account_for_loss"},
}};

}  // namespace

std::span<const ConvertKey> convert_keys() { return kKeys; }
std::span<const ConvertKey> place_keys() { return kPlaces; }
std::span<const Spelling> spellings() { return kSpellings; }

const ConvertKey* find_convert_key(std::string_view name) {
  for (const std::span<const ConvertKey> keys : {place_keys(), convert_keys()}) {
    for (const ConvertKey& key : keys) {
      if (name == key.name) return &key;
    }
  }
  return nullptr;
}

std::string_view short_name(std::string_view name) {
  for (const Spelling& one : kSpellings) {
    if (name == one.name) return one.key;
  }
  return name;
}

std::string option_name(const ConvertKey& key) {
  std::string name = key.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& names,
                       std::string_view otherwise) {
  const std::string near = near_name(name, names);
  if (!near.empty()) return "; did you mean \"" + near + "\"?";
  return "; " + std::string(otherwise);
}

const char* expected_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::number: return "an integer";
    case KeyKind::flag: return "true or false";
    case KeyKind::path: return "a path";
    case KeyKind::text: break;
  }
  return "a string";
}

}  // namespace mhub::converters
