// SPDX-License-Identifier: Apache-2.0
#include "convert_keys.hpp"

#include <algorithm>
#include <array>

#include "mhub/base/error.hpp"
#include "parse.hpp"

namespace mhub::converters {
namespace {

using Kind = ConvertKey::Kind;

constexpr std::array<ConvertKey, 23> kKeys{{
    {"to", Kind::text, "torch_dist (default), torch, hf or hdf5",
     [](ConvertOptions& o, const std::string& v) { o.to = parse_format(v); }},
    {"tp", Kind::number, "tensor-parallel size",
     [](ConvertOptions& o, const std::string& v) { o.sizes.tensor = parse_size(v); }},
    {"pp", Kind::number, "pipeline-parallel size",
     [](ConvertOptions& o, const std::string& v) { o.sizes.pipeline = parse_size(v); }},
    {"vpp", Kind::number, "virtual pipeline stages (model chunks) per pipeline rank",
     [](ConvertOptions& o, const std::string& v) { o.sizes.virtual_pipeline = parse_size(v); }},
    {"ep", Kind::number, "expert-parallel size",
     [](ConvertOptions& o, const std::string& v) { o.sizes.expert = parse_size(v); }},
    {"etp", Kind::number, "expert-tensor-parallel size (default: the tensor-parallel size)",
     [](ConvertOptions& o, const std::string& v) { o.expert_tensor = parse_size(v); }},
    {"pp_layout", Kind::text,
     "pipeline layout, as Megatron-LM's --pipeline-model-parallel-layout: \"Et*3|(tt|)*29,m|L\"",
     [](ConvertOptions& o, const std::string& v) { o.pipeline.layout = v; }},
    {"first_stage_layers", Kind::number, "layers of the first pipeline stage",
     [](ConvertOptions& o, const std::string& v) { o.pipeline.first_stage_layers = parse_size(v); }},
    {"last_stage_layers", Kind::number, "layers of the last pipeline stage",
     [](ConvertOptions& o, const std::string& v) { o.pipeline.last_stage_layers = parse_size(v); }},
    {"account_for_embedding", Kind::flag, "the embedding counts as a layer when stages are cut",
     [](ConvertOptions& o, const std::string& v) { o.pipeline.account_for_embedding = parse_flag(v); }},
    {"account_for_loss", Kind::flag, "the loss counts as a layer when stages are cut",
     [](ConvertOptions& o, const std::string& v) { o.pipeline.account_for_loss = parse_flag(v); }},
    {"dtype", Kind::text, "cast to bf16, fp16 or fp32",
     [](ConvertOptions& o, const std::string& v) { o.dtype = parse_dtype(v); }},
    {"make_vocab_size_divisible_by", Kind::number,
     "pad the vocabulary to a multiple of this times TP (default: 128 for torch, none for torch_dist)",
     [](ConvertOptions& o, const std::string& v) { o.vocab_divisible_by = parse_divisor(v); }},
    {"transformer_impl", Kind::text, "whose parameter names: te (default) or local",
     [](ConvertOptions& o, const std::string& v) { o.impl = parse_impl(v); }},
    {"model_type", Kind::text, "Megatron model to name tensors for: gpt (default) or hybrid",
     [](ConvertOptions& o, const std::string& v) { o.model_type = parse_model_type(v); }},
    {"iteration", Kind::text, "iteration number, or release (default)",
     [](ConvertOptions& o, const std::string& v) { o.iteration = parse_iteration(v); }},
    {"max_shard_size", Kind::text,
     "hf: largest file, like 5GB (default: the original's files where they are known, else 5GB)",
     [](ConvertOptions& o, const std::string& v) { o.max_shard_bytes = parse_bytes(v); }},
    {"hf_reference", Kind::text,
     "Hugging Face folder whose config.json, tokenizer and carried tensors count for a Megatron source",
     [](ConvertOptions& o, const std::string& v) { o.hf_reference = v; }},
    {"hf_class", Kind::text, "class to export to where a Megatron source fits several",
     [](ConvertOptions& o, const std::string& v) { o.hf_class = v; }},
    {"jobs", Kind::number, "threads (default: all processors)",
     [](ConvertOptions& o, const std::string& v) { o.jobs = parse_jobs(v); }},
    {"verify", Kind::flag, "compare the result with the source before it gets its name",
     [](ConvertOptions& o, const std::string& v) { o.verify = parse_flag(v); }},
    {"overwrite", Kind::flag, "replace OUT if mhub wrote it",
     [](ConvertOptions& o, const std::string& v) { o.overwrite = parse_flag(v); }},
    {"resume", Kind::flag, "go on with an interrupted conversion, if there is one",
     [](ConvertOptions& o, const std::string& v) { o.resume = parse_flag(v); }},
}};

}  // namespace

std::span<const ConvertKey> convert_keys() { return kKeys; }

std::string option_name(const ConvertKey& key) {
  std::string name = key.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace mhub::converters
