// SPDX-License-Identifier: Apache-2.0
// Renders chat templates for chat_templates_check.py. Each line of the input is a JSON object:
//   {"template": TEXT or "directory": FOLDER, "special_tokens": {...}, "messages": [...], "tools": ...,
//   "documents": ...,
//    "add_generation_prompt": BOOL, "variables": {...}, "template_name": TEXT, "now": SECONDS}
// and each line of the output {"text": ...} or {"error": ...}.
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/text/chat_template/chat_template.hpp"

namespace {

using Json = nlohmann::ordered_json;

mhub::ChatTemplate open_template(const Json& line) {
  if (line.contains("directory"))
    return mhub::ChatTemplate::from_directory(line["directory"].get<std::string>());
  const auto tokens = line.value("special_tokens", mhub::SpecialTokens());
  return mhub::ChatTemplate(line["template"].get<std::string>(), tokens, line.value("name", "template"));
}

mhub::ChatRequest read_request(const Json& line) {
  mhub::ChatRequest request;
  request.messages = line.value("messages", Json::array());
  if (line.contains("tools") && !line["tools"].is_null()) request.tools = line["tools"];
  if (line.contains("documents") && !line["documents"].is_null()) request.documents = line["documents"];
  request.add_generation_prompt = line.value("add_generation_prompt", false);
  request.variables = line.value("variables", Json::object());
  request.template_name = line.value("template_name", "");
  if (line.contains("now"))
    request.now = std::chrono::system_clock::time_point(std::chrono::seconds(line["now"].get<int>()));
  return request;
}

Json render(const std::string& text) {
  try {
    const Json line = mhub::parse_ordered_json(text, "standard input");
    return {{"text", open_template(line).render(read_request(line))}};
  } catch (const mhub::Error& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) std::cout << render(line).dump() << '\n';
  return 0;
}
