// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/metaspace_settings.hpp"

#include "mhub/base/utf8.hpp"

namespace mhub::text {
namespace {

PrependScheme prepend_scheme(const Settings& settings) {
  const std::string name = settings.find_string("prepend_scheme").value_or("always");
  const bool prefix = settings.boolean("add_prefix_space", true);  // files from before tokenizers 0.15
  if (!prefix && settings.has("prepend_scheme") && name != "never")
    settings.fail("add_prefix_space is false and prepend_scheme is \"" + name + "\"");
  if (!prefix || name == "never") return PrependScheme::never;
  if (name == "always") return PrependScheme::always;
  if (name == "first") return PrependScheme::first;
  settings.fail("there is no prepend_scheme \"" + name + "\"; known are always, first, never");
}

}  // namespace

MetaspaceSettings::MetaspaceSettings(const Settings& settings) : scheme(prepend_scheme(settings)) {
  append_character(replacement, settings.character("replacement"));
}

}  // namespace mhub::text
