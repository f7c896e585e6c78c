#include <algorithm>
#include <array>
#include <filesystem>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/text/chat_template/chat_template.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"

/// Where a model folder keeps its chat templates and special tokens: transformers 5,
/// tokenization_utils_base.py
/// (_from_pretrained) and processing_utils.py.
namespace fs = std::filesystem;

namespace mhub {
namespace {

/// tokenizer_config.json lists added tokens; those of the largest vocabularies take a few MB.
constexpr std::uint64_t kConfigLimit = 64 << 20;

std::optional<nlohmann::json> read_config(const fs::path& path) {
  if (!fs::is_regular_file(path)) return std::nullopt;
  nlohmann::json config = parse_json_file(path.string(), kConfigLimit);
  if (!config.is_object()) throw InputError(path.string() + ": expected a JSON object");
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

SpecialTokens read_special_tokens(const fs::path& folder, const std::optional<nlohmann::json>& config) {
  SpecialTokens tokens;
  if (config) read_tokens(*config, (folder / "tokenizer_config.json").string(), tokens);
  if (config && config->contains("added_tokens_decoder")) return tokens;
  const fs::path map = folder / "special_tokens_map.json";
  if (const std::optional<nlohmann::json> legacy = read_config(map))
    read_tokens(*legacy, map.string(), tokens);
  return tokens;
}

const std::string& template_text(const nlohmann::json& json, const std::string& file) {
  if (!json.is_string()) throw InputError(file + ": a chat template must be a string");
  return json.get_ref<const std::string&>();
}

}  // namespace

ChatTemplate ChatTemplate::from_directory(const std::string& directory) {
  const fs::path folder = directory;
  const std::optional<nlohmann::json> config = read_config(folder / "tokenizer_config.json");
  ChatTemplate result;
  result.source_ = directory;
  result.special_tokens_ = read_special_tokens(folder, config);

  auto add_file = [&result](const std::string& name, const fs::path& path) {
    result.add(name, read_file(path.string(), jinja::kMaxTemplateBytes), path.string());
  };
  if (const fs::path path = folder / "chat_template.jinja"; fs::is_regular_file(path))
    add_file("default", path);
  if (const fs::path others = folder / "additional_chat_templates"; fs::is_directory(others)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(others)) {
      if (entry.path().extension() != ".jinja") continue;
      add_file(entry.path().stem().string(), entry.path());
      result.named_ = true;
    }
  }
  if (!result.programs_.empty()) return result;

  const std::string config_file = (folder / "tokenizer_config.json").string();
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
  const fs::path processor_file = folder / "chat_template.json";
  if (const std::optional<nlohmann::json> processor = read_config(processor_file);
      processor && processor->contains("chat_template")) {
    result.add("default", template_text(processor->at("chat_template"), processor_file.string()),
               processor_file.string());
    return result;
  }
  throw InputError(
      directory +
      ": no chat template: neither chat_template.jinja nor \"chat_template\" in tokenizer_config.json");
}

}  // namespace mhub
