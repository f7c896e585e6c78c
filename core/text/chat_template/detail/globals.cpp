// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"

namespace mhub::jinja {
namespace {

Value make_range(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("range", arguments, {"", "", ""}, 1);
  Range range{0, bound.integer(0, 0), 1};
  if (bound.get(1) != nullptr) range = {bound.integer(0, 0), bound.integer(1, 0), bound.integer(2, 1)};
  if (range.step == 0) fail("range() arg 3 must not be zero");
  for (const std::int64_t number : {range.start, range.stop, range.step})
    if (number > kMaxRangeBound || number < -kMaxRangeBound) unsupported("a range of such large numbers");
  if (range.size() > kMaxRange) {
    fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + std::to_string(kMaxRange) +
         ").");
  }
  return Value(std::make_shared<const Range>(range));
}

/// dict(mapping or pairs, **named)
Value make_dict(Interpreter&, Arguments& arguments) {
  auto dict = std::make_shared<Dict>();
  if (arguments.positional.size() > 1)
    fail("dict expected at most 1 argument, got " + std::to_string(arguments.positional.size()));
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional.front();
    if (source.is(Kind::dict)) {
      *dict = source.dict();
    } else {
      for (const Value& pair : iterate(source)) {
        const Elements parts = iterate(pair);
        if (parts.size() != 2) fail("dictionary update sequence element has a length other than 2");
        dict->set(parts[0], parts[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) dict->set(Value(name), value);
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Value make_namespace(Interpreter& interpreter, Arguments& arguments) {
  const Value dict = make_dict(interpreter, arguments);
  const std::shared_ptr<Space> space = interpreter.make_space();
  for (const auto& [key, value] : dict.dict().entries) {
    if (!key.is_text()) fail("attribute name must be string, not '" + key.type_name() + "'");
    space->set(key.text(), value);
  }
  return Value(space);
}

Value raise_exception(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("raise_exception", arguments, {"message"}, 1);
  fail(str(*bound.get(0)));
}

Value strftime_now(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("strftime_now", arguments, {"format"}, 1);
  return Value(format_time(bound.text(0), interpreter.now()));
}

}  // namespace

std::optional<Value> global_function(std::string_view name) {
  if (name == "range") return make_callable("range", make_range);
  if (name == "dict") return make_callable("dict", make_dict, Callable::Attributes::any);
  if (name == "namespace") return make_callable("namespace", make_namespace);
  if (name == "raise_exception") return make_callable("raise_exception", raise_exception);
  if (name == "strftime_now") return make_callable("strftime_now", strftime_now);
  if (name == "cycler" || name == "joiner" || name == "lipsum") {
    return make_callable(std::string(name), [name = std::string(name)](Interpreter&, Arguments&) -> Value {
      unsupported("the function '" + name + "'");
    });
  }
  return std::nullopt;
}

}  // namespace mhub::jinja
