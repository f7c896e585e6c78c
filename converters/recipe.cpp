// SPDX-License-Identifier: Apache-2.0
#include "recipe.hpp"

#include <charconv>
#include <set>

#include <yaml-cpp/yaml.h>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

using Kind = ConvertKey::Kind;

constexpr std::array<ConvertKey, 26> kKeys{{
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
    {"hf_reference", Kind::text,
     "Hugging Face folder whose config.json, tokenizer and carried tensors count for a Megatron source",
     [](ConvertRequest& o, const std::string& v) { o.open.hf_reference = v; }},
    {"hf_class", Kind::text, "class to export to where a Megatron source fits several",
     [](ConvertRequest& o, const std::string& v) { o.open.hf_class = v; }},
    {"no_cache", Kind::flag,
     "a source on the Hub is read from there while it is converted; no copy of it is kept",
     [](ConvertRequest& o, const std::string& v) {
       o.open.use = parse_flag(v) ? SourceUse::stream : SourceUse::model;
     }},
    {"jobs", Kind::number, "threads (default: all processors)",
     [](ConvertRequest& o, const std::string& v) { o.run.jobs = parse_jobs(v); }},
    {"verify", Kind::flag, "compare the result with the source before it gets its name",
     [](ConvertRequest& o, const std::string& v) { o.run.verify = parse_flag(v); }},
    {"overwrite", Kind::flag, "replace OUT if mhub wrote all of it",
     [](ConvertRequest& o, const std::string& v) { o.run.overwrite = parse_flag(v); }},
    {"resume", Kind::flag, "go on with an interrupted conversion, if there is one",
     [](ConvertRequest& o, const std::string& v) { o.run.resume = parse_flag(v); }},
}};

/// A scalar's text.
std::string text(const YAML::Node& node, const std::string& expected = "a string") {
  if (node.IsScalar()) return node.Scalar();
  throw UsageError("expected " + expected + ", found " + (node.IsNull() ? "nothing" : "a list or map"));
}

/// Keys that only a recipe has: on the command line they are arguments.
constexpr std::array<ConvertKey, 2> kPlaces{
    {{"source", Kind::text, "", [](ConvertRequest& o, const std::string& v) { o.source = v; }},
     {"output", Kind::text, "", [](ConvertRequest& o, const std::string& v) { o.output = v; }}}};

const ConvertKey* find_key(std::string_view name) {
  for (const std::span<const ConvertKey> keys : {std::span<const ConvertKey>(kPlaces), convert_keys()}) {
    for (const ConvertKey& key : keys) {
      if (name == key.name) return &key;
    }
  }
  return nullptr;
}

void set_key(const ConvertKey& key, ConvertRequest& options, const YAML::Node& node) {
  const char* expected = key.kind == Kind::number ? "an integer"
                         : key.kind == Kind::flag ? "true or false"
                                                  : "a string";
  const std::string value = text(node, expected);
  bool flag = false;
  // YAML spells booleans in more ways than the command line.
  if (key.kind == Kind::flag && YAML::convert<bool>::decode(node, flag))
    return key.set(options, flag ? "true" : "false");
  key.set(options, value);
}

constexpr std::array<const char*, 4> kTopKeys{"name", "description", "defaults", "conversions"};

std::string unknown_key(const std::string& key, bool top) {
  std::vector<std::string> known;
  for (const ConvertKey& one : kPlaces) known.emplace_back(one.name);
  for (const ConvertKey& one : convert_keys()) known.emplace_back(one.name);
  if (top) known.insert(known.end(), kTopKeys.begin(), kTopKeys.end());
  return "unknown key \"" + key + "\"; did you mean \"" + nearest_name(key, known) + "\"?";
}

std::string place(const std::string& path, const YAML::Mark& mark) {
  // An empty file has no mark: -1.
  return path + ":" + std::to_string(std::max(mark.line, 0) + 1) + ":" +
         std::to_string(std::max(mark.column, 0) + 1);
}

bool is_top_key(const std::string& key) {
  return std::find(kTopKeys.begin(), kTopKeys.end(), key) != kTopKeys.end();
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Recipe read(const std::vector<std::pair<std::string, std::string>>& overrides) {
    const YAML::Node root = load();
    require_map(root, "a recipe");
    Recipe recipe;
    if (root["name"]) recipe.name = guarded(root["name"], "name", [&] { return text(root["name"]); });
    if (root["description"])
      recipe.description =
          guarded(root["description"], "description", [&] { return text(root["description"]); });
    ConvertRequest defaults;
    defaults.run.verify = true;
    if (const YAML::Node given = root["defaults"]) apply(given, defaults, false);
    if (const YAML::Node list = root["conversions"]) {
      if (!list.IsSequence() || list.size() == 0)
        fail(list.Mark(), "conversions: expected a list of conversions");
      for (const YAML::Node& one : list) recipe.conversions.push_back(conversion(one, defaults, false));
      for (const auto& pair : root) {
        if (!is_top_key(pair.first.Scalar()))
          fail(pair.first.Mark(),
               "key \"" + pair.first.Scalar() + "\" beside conversions; put it under defaults");
      }
    } else {
      recipe.conversions.push_back(conversion(root, defaults, true));
    }
    for (const auto& [key, value] : overrides) apply_override(key, value, recipe.conversions);
    std::set<std::string> outputs;
    for (std::size_t i = 0; i < recipe.conversions.size(); ++i) {
      const YAML::Node where = root["conversions"] ? root["conversions"][i] : root;
      if (recipe.conversions[i].source.empty()) fail(where.Mark(), "source is missing");
      const std::string& output = recipe.conversions[i].output;
      if (output.empty()) fail(where.Mark(), "output is missing");
      if (!outputs.insert(fs::absolute(output).lexically_normal().string()).second)
        fail(where.Mark(), "output " + output + " is that of another conversion, too");
    }
    return recipe;
  }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    throw InputError(place(path_, mark) + ": " + what);
  }

  YAML::Node load() const {
    const std::string content = read_file(path_, 16 << 20);
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(content);
      if (documents.size() > 1)
        fail(documents[1].Mark(), "a second YAML document; conversions of one recipe stand in its list");
      return documents.empty() ? YAML::Node() : documents[0];
    } catch (const YAML::Exception& error) {
      fail(error.mark, "not valid YAML: " + error.msg);
    }
  }
  void require_map(const YAML::Node& node, const std::string& what) const {
    if (!node.IsMap()) fail(node.Mark(), "expected " + what + " as a map of keys");
  }
  template <typename Function>
  auto guarded(const YAML::Node& node, const std::string& key, const Function& function) const
      -> decltype(function()) {
    try {
      return function();
    } catch (const UsageError& error) {
      fail(node.Mark(), key + ": " + error.what());
    }
  }

  void apply(const YAML::Node& map, ConvertRequest& options, bool top) const {
    require_map(map, "a conversion");
    std::vector<std::string> seen;
    for (const auto& pair : map) {
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
      if (std::find(seen.begin(), seen.end(), key) != seen.end())
        fail(pair.first.Mark(), "key \"" + key + "\" is there twice");
      seen.push_back(key);
      if (top && is_top_key(key)) continue;
      const ConvertKey* known = find_key(key);
      if (known == nullptr) fail(pair.first.Mark(), unknown_key(key, top));
      guarded(pair.second, key, [&] { set_key(*known, options, pair.second); });
    }
  }
  ConvertRequest conversion(const YAML::Node& node, const ConvertRequest& defaults, bool top) const {
    ConvertRequest options = defaults;
    apply(node, options, top);
    return options;
  }
  /// "tp" means every conversion, "conversions.1.tp" the second one.
  static void apply_override(const std::string& key, const std::string& value,
                             std::vector<ConvertRequest>& conversions) {
    constexpr std::string_view kPrefix = "conversions.";
    std::span<ConvertRequest> chosen = conversions;
    std::string_view name = key;
    if (name.starts_with(kPrefix)) {
      name.remove_prefix(kPrefix.size());
      std::size_t index = 0;
      const auto parsed = std::from_chars(name.data(), name.data() + name.size(), index);
      if (parsed.ec != std::errc() || parsed.ptr == name.data() + name.size() || *parsed.ptr != '.' ||
          index >= conversions.size()) {
        throw UsageError("--set " + key + ": expected conversions.N.key with N from 0 to " +
                         std::to_string(conversions.size() - 1));
      }
      name = std::string_view(parsed.ptr + 1, name.data() + name.size());
      chosen = chosen.subspan(index, 1);
    }
    const ConvertKey* known = find_key(name);
    if (known == nullptr) throw UsageError("--set " + key + ": " + unknown_key(std::string(name), false));
    try {
      for (ConvertRequest& options : chosen) set_key(*known, options, YAML::Node(value));
    } catch (const UsageError& error) {
      throw UsageError("--set " + key + ": " + error.what());
    }
  }

  std::string path_;
};

}  // namespace

Recipe read_recipe(const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& overrides) {
  return Reader(path).read(overrides);
}

std::span<const ConvertKey> convert_keys() { return kKeys; }

std::string option_name(const ConvertKey& key) {
  std::string name = key.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace mhub::converters
