// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/chat_template.hpp"

#include "mhub/base/error.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/lexer.hpp"
#include "mhub/text/chat_template/detail/parser.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub {
namespace {

[[noreturn]] void throw_at(const std::string& name, std::size_t line, const std::string& message) {
  throw InputError(name + ":" + std::to_string(line) + ": " + message);
}

jinja::Body parse(const std::string& text, const std::string& name) {
  std::vector<jinja::Token> tokens;
  std::optional<jinja::Lexer> lexer;
  try {
    lexer.emplace(text);
    tokens = lexer->tokens();
  } catch (const jinja::Fault& fault) {
    throw_at(name, lexer ? lexer->line() : 1, fault.what());
  }
  jinja::Parser parser(std::move(tokens));
  try {
    return parser.parse();
  } catch (const jinja::Fault& fault) {
    throw_at(name, parser.line(), fault.what());
  }
}

std::shared_ptr<const jinja::Dict> variables(const ChatRequest& request,
                                             const SpecialTokens& special_tokens) {
  auto dict = std::make_shared<jinja::Dict>();
  auto set = [&dict](const std::string& name, jinja::Value value) {
    dict->set(jinja::Value(name), std::move(value));
  };
  for (const auto& [name, token] : special_tokens) set(name, jinja::Value(token));
  for (const auto& [name, value] : request.variables.items()) {
    for (const char* own : {"messages", "tools", "documents", "add_generation_prompt"}) {
      if (name == own)
        throw UsageError(name +
                         " cannot be a further variable of a chat template: the request itself has it");
    }
    set(name, jinja::from_json(value));
  }
  set("messages", jinja::from_json(request.messages));
  set("tools", request.tools ? jinja::from_json(*request.tools) : jinja::Value());
  set("documents", request.documents ? jinja::from_json(*request.documents) : jinja::Value());
  set("add_generation_prompt", jinja::Value(request.add_generation_prompt));
  return dict;
}

}  // namespace

struct ChatTemplate::Program {
  std::string name;
  jinja::Body body;
};

ChatTemplate::ChatTemplate(const std::string& text, SpecialTokens special_tokens, const std::string& name)
    : source_(name), special_tokens_(std::move(special_tokens)) {
  add("default", text, name);
}

void ChatTemplate::add(const std::string& template_name, const std::string& text, const std::string& name) {
  programs_[template_name] = std::make_shared<const Program>(Program{name, parse(text, name)});
}

/// transformers' get_chat_template
const ChatTemplate::Program& ChatTemplate::choose(const ChatRequest& request) const {
  auto found = programs_.find(request.template_name);
  if (request.template_name.empty()) {
    found = named_ && request.tools ? programs_.find("tool_use") : programs_.end();
    if (found == programs_.end()) found = programs_.find("default");
  }
  if (found != programs_.end()) return *found->second;
  std::string names;
  for (const auto& [name, program] : programs_) names += (names.empty() ? "" : ", ") + name;
  throw InputError(source_ + ": no chat template named \"" +
                   (request.template_name.empty() ? "default" : request.template_name) +
                   "\"; there are: " + names);
}

std::string ChatTemplate::render(const ChatRequest& request) const {
  const Program& program = choose(request);
  if (!request.variables.is_object())
    throw UsageError("the variables of a chat template must be a JSON object");
  std::shared_ptr<const jinja::Dict> dict;
  try {
    dict = variables(request, special_tokens_);
  } catch (const jinja::Fault& fault) {
    throw InputError(program.name + ": cannot render these messages: " + fault.what());
  }
  const text::WorkLimit limit(0, program.name);
  jinja::Interpreter interpreter(std::move(dict), request.now.value_or(std::chrono::system_clock::now()));
  try {
    return interpreter.render(program.body);
  } catch (const jinja::Fault& fault) {
    throw_at(program.name, interpreter.line(), fault.what());
  }
}

}  // namespace mhub
