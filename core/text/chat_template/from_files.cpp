// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>

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

}  // namespace

ChatTemplate ChatTemplate::from_directory(const std::string& directory) {
  return from_files(*folder_files(directory));
}

ChatTemplate ChatTemplate::from_files(const FileSet& files) {
  const std::optional<nlohmann::json> config = read_config(files, "tokenizer_config.json");
  ChatTemplate result;
  result.source_ = files.source();
  result.special_tokens_ = read_special_tokens(files, config);

  auto add_file = [&](const std::string& template_name, const std::string& file) {
    result.add(template_name, files.read(file, jinja::kMaxTemplateBytes), files.place(file));
  };
  if (files.has("chat_template.jinja")) add_file("default", "chat_template.jinja");
  const std::string folder = "additional_chat_templates";
  for (const std::string& file : files.names(folder)) {
    const fs::path path = file;
    if (path.parent_path() != folder || path.extension() != ".jinja") continue;
    add_file(path.stem().string(), file);
    result.named_ = true;
  }
  if (!result.programs_.empty()) return result;

  const std::string config_file = files.place("tokenizer_config.json");
  if (config && config->contains("chat_template") && !config->at("chat_template").is_null()) {
    const nlohmann::json& value = config->at("chat_template");
    if (value.is_string()) {
      result.add("default", value.get<std::string>(), config_file + ": chat_template");
      return result;
    }
    // [{"name": ..., "template": ...}, ...], or an object from name to template
    result.named_ = true;
    auto add_named = [&](const std::string& name, const nlohmann::json& text) {
      result.add(name, template_text(text, config_file), config_file + ": chat_template \"" + name + "\"");
    };
    if (value.is_object()) {
      for (const auto& [name, text] : value.items()) add_named(name, text);
    } else {
      for (const nlohmann::json& entry : value) {
        if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string() ||
            !entry.contains("template"))
          throw InputError(config_file +
                           ": chat_template must be a string or a list of {\"name\", \"template\"}");
        add_named(entry["name"].get<std::string>(), entry["template"]);
      }
    }
    if (!result.programs_.empty()) return result;
  }
  const std::string processor_name = "chat_template.json";
  if (const std::optional<nlohmann::json> processor = read_config(files, processor_name);
      processor && processor->contains("chat_template")) {
    const std::string place = files.place(processor_name);
    result.add("default", template_text(processor->at("chat_template"), place), place);
    return result;
  }
  throw InputError(
      files.source() +
      ": no chat template: neither chat_template.jinja nor \"chat_template\" in tokenizer_config.json");
}

}  // namespace mhub
