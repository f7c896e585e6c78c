// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"

namespace mhub::jinja {
namespace {

Value cycle(const Loop& loop, const Arguments& arguments) {
  if (arguments.positional.empty()) fail("no items for cycling given");
  return arguments.positional[loop.index0 % arguments.positional.size()];
}

Value changed(Loop& loop, const Arguments& arguments) {
  const Value before = make_tuple(loop.last_changed);
  const Value now = make_tuple(arguments.positional);
  const bool different = !loop.changed_before || !equal(before, now);
  loop.changed_before = true;
  loop.last_changed = arguments.positional;
  return Value(different);
}

Value neighbour(const Loop& loop, bool there, std::size_t index, const char* missing) {
  return there && index < loop.items->items.size() ? loop.items->items[index] : make_undefined(missing);
}

}  // namespace

std::optional<Value> loop_member(const std::shared_ptr<Loop>& loop, std::string_view name) {
  const auto size = static_cast<std::int64_t>(loop->items->items.size());
  const auto index0 = static_cast<std::int64_t>(loop->index0);
  if (name == "index0") return Value(index0);
  if (name == "index") return Value(index0 + 1);
  if (name == "first") return Value(index0 == 0);
  if (name == "last") return Value(index0 + 1 >= size);
  if (name == "length") return Value(size);
  if (name == "revindex0") return Value(size - index0 - 1);
  if (name == "revindex") return Value(size - index0);
  if (name == "depth0") return Value(std::int64_t{0});
  if (name == "depth") return Value(std::int64_t{1});
  if (name == "previtem") return neighbour(*loop, index0 > 0, loop->index0 - 1, "there is no previous item");
  if (name == "nextitem") return neighbour(*loop, true, loop->index0 + 1, "there is no next item");
  if (name == "cycle") {
    return make_callable("cycle",
                         [loop](Interpreter&, Arguments& arguments) { return cycle(*loop, arguments); });
  }
  if (name == "changed") {
    return make_callable("changed",
                         [loop](Interpreter&, Arguments& arguments) { return changed(*loop, arguments); });
  }
  return std::nullopt;
}

}  // namespace mhub::jinja
