// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/text/chat_template/chat_template.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"

/// Where a model keeps its chat templates and special tokens: transformers 5,
/// tokenization_utils_base.py
/// (_from_pretrained) and processing_utils.py.
namespace fs = std::filesystem;

namespace mhub {
namespace {

/// tokenizer_config.json lists added tokens; those of the largest vocabularies take a few MB.
constexpr std::uint64_t kConfigLimit = 64 << 20;
/// Where processors have theirs: transformers 5 writes chat_template.jinja, 4.x wrote the second of these.
constexpr const char* kProcessor = "processor_config.json";
constexpr const char* kOlder = "chat_template.json";

std::optional<nlohmann::json> read_config(const FileSet& files, const std::string& name) {
  if (!files.has(name)) return std::nullopt;
  nlohmann::json config = parse_json(files.read(name, kConfigLimit), files.place(name));
  if (!config.is_object()) throw InputError(files.place(name) + ": expected a JSON object");
  return config;
}

constexpr std::array<std::string_view, 7> kStandardTokens = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

/// A token is a string or an AddedToken object.
std::optional<std::string> token_text(const nlohmann::json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string())
    return token["content"].get<std::string>();
  return std::nullopt;
}

/// The standard tokens and those of the model: any other "..._token" that is one, and what
/// "extra_special_tokens" names.
void read_tokens(const nlohmann::json& config, const std::string& file, SpecialTokens& tokens) {
  for (const auto& [name, value] : config.items()) {
    if (!name.ends_with("_token")) continue;
    const bool standard =
        std::find(kStandardTokens.begin(), kStandardTokens.end(), name) != kStandardTokens.end();
    if (const std::optional<std::string> text = token_text(value)) {
      tokens[name] = *text;
    } else if (standard && value.is_null()) {
      tokens.erase(name);
    } else if (standard) {
      throw InputError(file + ": " + name + " must be a string or an object with a string \"content\"");
    }
  }
  const auto extra = config.find("extra_special_tokens");
  if (extra == config.end() || !extra->is_object()) return;
  for (const auto& [name, value] : extra->items())
    if (const std::optional<std::string> text = token_text(value)) tokens[name] = *text;
}

SpecialTokens read_special_tokens(const FileSet& files, const std::optional<nlohmann::json>& config) {
  SpecialTokens tokens;
  if (config) read_tokens(*config, files.place("tokenizer_config.json"), tokens);
  if (config && config->contains("added_tokens_decoder")) return tokens;
  const std::string map = "special_tokens_map.json";
  if (const std::optional<nlohmann::json> legacy = read_config(files, map))
    read_tokens(*legacy, files.place(map), tokens);
  return tokens;
}

const std::string& template_text(const nlohmann::json& json, const std::string& file) {
  if (!json.is_string()) throw InputError(file + ": a chat template must be a string");
  return json.get_ref<const std::string&>();
}

/// [{"name": ..., "template": ...}, ...], or an object from name to template
std::map<std::string, std::string> named_templates(const nlohmann::json& value, const std::string& file) {
  std::map<std::string, std::string> named;
  if (value.is_object()) {
    for (const auto& [name, text] : value.items()) named[name] = template_text(text, file);
    return named;
  }
  for (const nlohmann::json& entry : value) {
    if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string() ||
        !entry.contains("template"))
      throw InputError(file + ": chat_template must be a string or a list of {\"name\", \"template\"}");
    named[entry["name"].get<std::string>()] = template_text(entry["template"], file);
  }
  return named;
}

}  // namespace

ChatTemplate ChatTemplate::from_directory(const std::string& directory) {
  return from_files(*folder_files(directory));
}

/// The places where a model's files have templates. Each `add_` says whether there was one.
struct ChatTemplate::Files {
  const FileSet& files;
  std::optional<nlohmann::json> tokenizer_config = read_config(files, "tokenizer_config.json");
  ChatTemplate result = {};

  bool add_jinja() {
    const std::string folder = "additional_chat_templates", usual = "chat_template.jinja";
    if (files.has(usual)) add_file("default", usual);
    for (const std::string& file : files.names(folder)) {
      const fs::path path = file;
      if (path.parent_path() != folder || path.extension() != ".jinja") continue;
      add_file(path.stem().string(), file);
      result.named_ = true;
    }
    return !result.programs_.empty();
  }

  bool add_of_tokenizer() {
    const std::string file = files.place("tokenizer_config.json"), key = "chat_template";
    if (!tokenizer_config || !tokenizer_config->contains(key) || tokenizer_config->at(key).is_null())
      return false;
    const nlohmann::json& value = tokenizer_config->at(key);
    if (value.is_string()) {
      result.add("default", value.get<std::string>(), file + ": chat_template");
      return true;
    }
    for (const auto& [name, text] : named_templates(value, file))
      result.add(name, text, file + ": chat_template \"" + name + "\"");
    result.named_ = true;
    return !result.programs_.empty();
  }

  bool add_of(const std::string& name) {
    const std::optional<nlohmann::json> config = read_config(files, name);
    if (!config || !config->contains("chat_template") || config->at("chat_template").is_null()) return false;
    const std::string place = files.place(name);
    result.add("default", template_text(config->at("chat_template"), place), place);
    return true;
  }

  ChatTemplate finished(bool found) {
    if (!found)
      throw InputError(files.source() +
                       ": no chat template: neither chat_template.jinja nor \"chat_template\" in "
                       "tokenizer_config.json");
    result.source_ = files.source();
    result.special_tokens_ = read_special_tokens(files, tokenizer_config);
    return std::move(result);
  }

 private:
  void add_file(const std::string& template_name, const std::string& file) {
    result.add(template_name, files.read(file, jinja::kMaxTemplateBytes), files.place(file));
  }
};

ChatTemplate ChatTemplate::from_files(const FileSet& files) {
  Files found{files};
  return found.finished(found.add_jinja() || found.add_of_tokenizer() || found.add_of(kOlder) ||
                        found.add_of(kProcessor));
}

ChatTemplate ChatTemplate::of_processor(const FileSet& files) {
  Files found{files};
  return found.finished(found.add_of(kProcessor) || found.add_of(kOlder) || found.add_jinja() ||
                        found.add_of_tokenizer());
}

}  // namespace mhub
