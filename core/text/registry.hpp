// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "mhub/text/settings.hpp"

namespace mhub::text {

/// One kind of a tokenizer component: its "type" in tokenizer.json and how to make one. Each folder has a
/// table of its kinds (kinds.cpp); a new kind is one source file and one line there.
template <typename Component, typename Input = Settings>
struct Kind {
  std::string_view type;
  std::unique_ptr<Component> (*make)(const Input&);
};

/// The kind called `type`. Throws InputError that names the known ones; `what` says what they are.
template <typename Component, typename Input>
const Kind<Component, Input>& find_kind(std::span<const Kind<Component, Input>> kinds, std::string_view what,
                                        const std::string& type, const Settings& settings) {
  std::string known;
  for (const Kind<Component, Input>& kind : kinds) {
    if (kind.type == type) return kind;
    known += (known.empty() ? "" : ", ") + std::string(kind.type);
  }
  settings.fail("there is no " + std::string(what) + " called \"" + type + "\"; known are " + known);
}

template <typename Component>
std::unique_ptr<Component> make_component(std::span<const Kind<Component>> kinds, std::string_view what,
                                          const Settings& settings) {
  return find_kind<Component, Settings>(kinds, what, settings.string("type"), settings).make(settings);
}

}  // namespace mhub::text
