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
    {"make_vocab_size_divisible_by", Kind::number,
     "pad the vocabulary to a multiple of this times TP (default: 128 for torch, none for torch_dist)",
     [](ConvertRequest& o, const std::string& v) { o.write.vocab_divisible_by = parse_divisor(v); }},
    {"transformer_impl", Kind::text, "whose parameter names: te (default) or local",
     [](ConvertRequest& o, const std::string& v) { o.write.impl = parse_impl(v); }},
    {"model_type", Kind::text, "Megatron model to name tensors for: gpt (default) or hybrid",
     [](ConvertRequest& o, const std::string& v) { o.write.model_type = parse_model_type(v); }},
    {"iteration", Kind::text, "iteration number, or release (default)",
     [](ConvertRequest& o, const std::string& v) { o.write.iteration = parse_iteration(v); }},
    {"max_shard_size", Kind::text,
     "hf: largest file, like 5GB (default: the original's files where they are known, else 5GB)",
     [](ConvertRequest& o, const std::string& v) { o.write.max_shard_bytes = parse_bytes(v); }},
    {"hf_reference", Kind::text,
     "Hugging Face folder whose config.json, tokenizer and carried tensors count for a Megatron source",
     [](ConvertRequest& o, const std::string& v) { o.open.hf_reference = v; }},
    {"hf_class", Kind::text, "class to export to where a Megatron source fits several",
     [](ConvertRequest& o, const std::string& v) { o.open.hf_class = v; }},
    {"jobs", Kind::number, "threads (default: all processors)",
     [](ConvertRequest& o, const std::string& v) { o.run.jobs = parse_jobs(v); }},
    {"verify", Kind::flag, "compare the result with the source before it gets its name",
     [](ConvertRequest& o, const std::string& v) { o.run.verify = parse_flag(v); }},
    {"overwrite", Kind::flag, "replace OUT if mhub wrote it",
     [](ConvertRequest& o, const std::string& v) { o.run.overwrite = parse_flag(v); }},
    {"resume", Kind::flag, "go on with an interrupted conversion, if there is one",
     [](ConvertRequest& o, const std::string& v) { o.run.resume = parse_flag(v); }},
}};

}  // namespace

std::span<const ConvertKey> convert_keys() { return kKeys; }

std::string option_name(const ConvertKey& key) {
  std::string name = key.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace mhub::converters
