// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/tokenizer_config.hpp"

#include <algorithm>
#include <map>

#include "mhub/base/json.hpp"

namespace mhub::text {
namespace {

constexpr const char* kRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

/// Numbers written as keys: "128000".
std::uint64_t id_in_key(const std::string& key, const Settings& settings) {
  if (key.empty() || key.size() > 10 ||
      !std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; }))
    settings.fail("\"" + key + "\" is not a token id");
  return std::stoull(key);
}

std::vector<AddedToken> added_tokens_decoder(const Settings& tokens) {
  std::map<std::uint64_t, AddedToken> by_id;
  for (const auto& [key, token] : tokens.json().items())
    by_id[id_in_key(key, tokens)] = added_token(Settings(token, tokens.origin() + "." + key));
  std::vector<AddedToken> list;
  for (auto& [id, token] : by_id) list.push_back(std::move(token));
  return list;
}

/// added_tokens.json: {"token": id}.
std::vector<AddedToken> added_tokens_file(const Settings& tokens) {
  std::map<std::uint64_t, AddedToken> by_id;
  for (const auto& [content, id] : tokens.json().items()) by_id[tokens.count(content, 0)].content = content;
  std::vector<AddedToken> list;
  for (auto& [id, token] : by_id) list.push_back(std::move(token));
  return list;
}

/// A special token is written as its text or as an object with its properties.
AddedToken special_token(const nlohmann::json& value, const std::string& origin) {
  AddedToken token;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    token.normalized = false;
  } else {
    token = added_token(Settings(value, origin));
  }
  token.special = true;
  return token;
}

class Reader {
 public:
  explicit Reader(TokenizerConfig& config) : config_(config) {}

  void add_special_tokens(const Settings& settings) {
    for (const char* role : kRoles) {
      if (settings.has(role))
        set_role(role, special_token(settings.json()[role], settings.origin() + "." + role));
    }
    for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
      if (!settings.has(key)) continue;
      const nlohmann::json& extra = settings.json()[key];
      if (!extra.is_array() && !extra.is_object())
        settings.fail("\"" + std::string(key) + "\" must be a list");
      for (const auto& [name, token] : extra.items())
        config_.special_tokens.emplace_back("", special_token(token, settings.origin() + "." + key));
    }
  }

 private:
  void set_role(const std::string& role, AddedToken token) {
    std::erase_if(config_.special_tokens, [&](const auto& there) { return there.first == role; });
    config_.special_tokens.emplace_back(role, std::move(token));
  }

  TokenizerConfig& config_;
};

std::optional<bool> find_boolean(const Settings& settings, const char* key) {
  return settings.has(key) ? std::optional(settings.boolean(key)) : std::nullopt;
}

}  // namespace

const AddedToken* TokenizerConfig::special(std::string_view role) const {
  for (const auto& [name, token] : special_tokens) {
    if (name == role) return &token;
  }
  return nullptr;
}

TokenizerConfig read_tokenizer_config(const FileSet& files) {
  TokenizerConfig config;
  Reader reader(config);
  const auto with_file = [&](const char* name, auto use) {
    if (!files.has(name)) return;
    const nlohmann::json json = parse_json(files.read(name, kLargestTokenizerFile), files.place(name));
    use(Settings(json, files.place(name)));
  };
  bool complete = false;
  with_file("tokenizer_config.json", [&](const Settings& settings) {
    config.add_prefix_space = find_boolean(settings, "add_prefix_space");
    config.add_bos_token = find_boolean(settings, "add_bos_token");
    config.add_eos_token = find_boolean(settings, "add_eos_token");
    config.clean_up_spaces = settings.boolean("clean_up_tokenization_spaces", false);
    config.split_special_tokens = settings.boolean("split_special_tokens", false);
    config.tokenizer_class = settings.find_string("tokenizer_class").value_or("");
    complete = settings.has("added_tokens_decoder");
    if (complete) config.added_tokens = added_tokens_decoder(settings.object("added_tokens_decoder"));
    reader.add_special_tokens(settings);
  });
  if (complete) return config;
  with_file("special_tokens_map.json",
            [&](const Settings& settings) { reader.add_special_tokens(settings); });
  with_file("added_tokens.json", [&](const Settings& settings) {
    config.added_tokens = added_tokens_file(settings);
    for (AddedToken& token : config.added_tokens) {
      token.special =
          std::any_of(config.special_tokens.begin(), config.special_tokens.end(),
                      [&](const auto& special) { return special.second.content == token.content; });
      token.normalized = !token.special;
    }
  });
  return config;
}

void override_prefix_space(TokenizerFile& file, const TokenizerConfig& config) {
  const auto pre_tokenizer = file.settings.find("pre_tokenizer");
  if (!config.add_prefix_space || pre_tokenizer == file.settings.end() || !pre_tokenizer->is_object()) return;
  if (pre_tokenizer->value("type", nlohmann::json()) == "ByteLevel")
    (*pre_tokenizer)["add_prefix_space"] = *config.add_prefix_space;
}

void apply_tokenizer_config(const TokenizerConfig& config, TokenizerParts& parts) {
  const Vocabulary& vocabulary = parts.model->vocabulary();
  for (const AddedToken& token : config.added_tokens) parts.added.add(token, vocabulary);
  for (const auto& [role, named] : config.special_tokens) {
    AddedToken token = named;
    // A token that is known by its text keeps its properties.
    const auto id = parts.added.id_of(token.content);
    if (id) token = *parts.added.token_of(*id);
    token.special = true;
    parts.added.add(token, vocabulary);
    if (!role.empty()) parts.roles[role] = *parts.added.id_of(token.content);
  }
  if (config.split_special_tokens) parts.added.ignore_special_tokens();
  // Meant for WordPiece; with BPE it would take real spaces away, so transformers ignores it there.
  parts.clean_up_spaces = config.clean_up_spaces && parts.model->kind() != "BPE";
}

}  // namespace mhub::text
