// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "mhub/base/json.hpp"
#include "mhub/text/chat_template/chat_template.hpp"

namespace mhub::tests {

/// The template's text with two messages, <s> and </s>, and these variables (a JSON object).
inline std::string render(const std::string& text, const std::string& variables = "{}") {
  ChatRequest request;
  request.messages = parse_ordered_json(
      R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", "b": 1, "a": [2.0, null]}])",
      "messages");
  request.variables = parse_ordered_json(variables, "variables");
  return ChatTemplate(text, {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, "t.jinja").render(request);
}

}  // namespace mhub::tests
