// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mhub/text/chat_template/detail/ast.hpp"
#include "mhub/text/chat_template/detail/value.hpp"

namespace mhub::jinja {

/// The variables of a loop's round, a macro call or a block; lookups go on in the parent.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string_view, Value>> variables;  ///< names point into the syntax tree

  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

/// One rendering of one template: jinja2's ImmutableSandboxedEnvironment as transformers sets it up.
/// Throws Fault; `line` then says where.
class Interpreter {
 public:
  /// `variables` are what the caller passes to the template; `now` is the time of strftime_now.
  Interpreter(std::shared_ptr<const Dict> variables, std::chrono::system_clock::time_point now);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  std::string render(const Body& body);
  std::size_t line() const { return line_; }
  std::chrono::system_clock::time_point now() const { return now_; }

  // What filters, tests and functions use.

  /// object.name: an attribute or method, else an item, else undefined.
  Value attribute(const Value& object, std::string_view name);
  /// object[key]: an item, else an attribute, else undefined.
  Value item(const Value& object, const Value& key);
  Value call(const Value& callee, Arguments& arguments);
  Value filter(std::string_view name, const Value& input, Arguments& arguments);
  bool test(std::string_view name, const Value& input, Arguments& arguments);
  /// An empty namespace; lives as long as this rendering.
  std::shared_ptr<Space> make_space();
  /// Counts work; fails when the template has used up its share.
  void charge(std::size_t steps);
  /// Counts the memory of a new value.
  const Value& charge_value(const Value& value);
  void charge_bytes(std::size_t bytes);

 private:
  enum class Flow { next, break_loop, continue_loop };
  class Depth;
  class InnerScope;
  class Capture;

  // statements (run.cpp)
  Flow run(const Body& body);
  Flow run(const Statement& statement);
  Flow run(const Literal& literal);
  Flow run(const Print& print);
  Flow run(const If& branches);
  Flow run(const For& loop);
  Flow run(const Assign& assign);
  Flow run(const AssignBlock& block);
  Flow run(const Macro& macro);
  Flow run(const CallBlock& block);
  Flow run(const FilterBlock& block);
  Flow run(const With& with);
  Flow run(const Generation& block);
  Flow run(const Break&) { return Flow::break_loop; }
  Flow run(const Continue&) { return Flow::continue_loop; }
  std::shared_ptr<const Sequence> loop_items(const For& loop);
  void assign(const Target& target, const Value& value);
  Value make_macro(const std::shared_ptr<const MacroDefinition>& definition);
  Value invoke(const MacroDefinition& definition, const std::shared_ptr<Scope>& outer, Arguments& arguments);
  std::string capture(const Body& body);
  void print(const Value& value);

  // expressions (evaluate.cpp)
  Value evaluate(const Expression& expression);
  Value evaluate(const Constant& constant);
  Value evaluate(const Name& name);
  Value evaluate(const SequenceDisplay& display);
  Value evaluate(const DictDisplay& display);
  Value evaluate(const Unary& unary);
  Value evaluate(const Binary& binary);
  Value evaluate(const Logic& logic);
  Value evaluate(const Comparison& comparison);
  Value evaluate(const Conditional& conditional);
  Value evaluate(const Concatenation& concatenation);
  Value evaluate(const Attribute& attribute);
  Value evaluate(const Subscript& subscript);
  Value evaluate(const SliceSubscript& subscript);
  Value evaluate(const Call& call);
  Value evaluate(const Filter& filter);
  Value evaluate(const Test& test);
  Arguments evaluate(const CallArguments& arguments);

  std::shared_ptr<const Dict> variables_;
  std::chrono::system_clock::time_point now_;
  std::shared_ptr<Scope> scope_ = std::make_shared<Scope>();
  std::string* output_ = nullptr;
  const Value* filter_input_ = nullptr;  ///< what the innermost filter block printed
  std::size_t line_ = 1;
  int depth_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t bytes_ = 0;
  /// Macros hold their scope and namespaces can hold themselves: these cycles are cut in the destructor.
  std::vector<std::shared_ptr<Scope>> captured_scopes_;
  std::vector<std::shared_ptr<Space>> spaces_;
};

}  // namespace mhub::jinja
