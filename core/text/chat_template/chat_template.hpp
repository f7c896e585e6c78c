// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "mhub/base/file_set.hpp"

namespace mhub {

/// "bos_token", "eos_token", ... and their text: variables of every chat template.
using SpecialTokens = std::map<std::string, std::string>;

/// What a chat template is rendered with; the names are those of transformers' apply_chat_template. The order
/// of keys counts, because templates print JSON as it came: parse with parse_ordered_json.
struct ChatRequest {
  nlohmann::ordered_json messages =
      nlohmann::ordered_json::array();              ///< [{"role": ..., "content": ...}, ...]
  std::optional<nlohmann::ordered_json> tools;      ///< a list of JSON schemas
  std::optional<nlohmann::ordered_json> documents;  ///< a list of {"title": ..., "text": ...}
  bool add_generation_prompt = false;
  /// Further variables (enable_thinking, ...), an object; they win over special tokens of the same name.
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();
  /// Which of several named templates; empty: "tool_use" when there are tools and such a template, else
  /// "default".
  std::string template_name;
  /// The time that strftime_now formats, in local time; now when not given.
  std::optional<std::chrono::system_clock::time_point> now;
};

/// A model's chat template: Jinja as transformers runs it (jinja2's ImmutableSandboxedEnvironment with
/// trim_blocks, lstrip_blocks, loop controls, {% generation %} and its own tojson, raise_exception and
/// strftime_now), rendering to the same text. What this interpreter does not support is an error when it is
/// used, never skipped; README.md lists it. Immutable; `render` may run in several threads.
class ChatTemplate {
 public:
  /// Reads a model folder as transformers 5's tokenizers do: chat_template.jinja and
  /// additional_chat_templates/*.jinja, else "chat_template" of tokenizer_config.json (a string or named
  /// templates), and where neither is there, a processor's; special tokens from tokenizer_config.json, and
  /// from special_tokens_map.json where the former lists no added tokens. Throws InputError when the folder
  /// has no template.
  static ChatTemplate from_directory(const std::string& directory);
  /// The same from such files wherever they are.
  static ChatTemplate from_files(const FileSet& files);
  /// As transformers 5's processors do (processing_utils.py, get_processor_dict): "chat_template" of
  /// processor_config.json, else chat_template.json, else chat_template.jinja and those beside it; and where
  /// there is none of them, which a processor refuses, the tokenizer's.
  static ChatTemplate of_processor(const FileSet& files);

  /// `name` stands for the template in messages.
  ChatTemplate(const std::string& text, SpecialTokens special_tokens,
               const std::string& name = "chat template");

  const SpecialTokens& special_tokens() const { return special_tokens_; }

  /// Throws InputError "NAME:LINE: ..." when the template calls raise_exception, does what jinja2 would
  /// refuse, uses what is not supported here, or more time or memory than any real template.
  std::string render(const ChatRequest& request) const;

 private:
  struct Program;
  ChatTemplate() = default;
  struct Files;
  void add(const std::string& template_name, const std::string& text, const std::string& name);
  const Program& choose(const ChatRequest& request) const;

  std::string source_;  ///< the folder or name, for messages
  std::map<std::string, std::shared_ptr<const Program>> programs_;
  bool named_ = false;  ///< there are several templates with names
  SpecialTokens special_tokens_;
};

}  // namespace mhub
