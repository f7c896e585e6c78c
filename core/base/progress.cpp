// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/progress.hpp"

#include "mhub/base/error.hpp"

namespace mhub {

void throw_if(const std::function<bool()>& cancelled) {
  if (cancelled && cancelled()) throw Interrupted("interrupted; nothing was left under the final name");
}

Stage::Stage(const Callbacks& callbacks, std::string_view name, std::uint64_t total)
    : callbacks_(callbacks), name_(name), total_(total) {
  add(0);
}

void Stage::add(std::uint64_t bytes) {
  const std::uint64_t done = done_ += bytes;
  if (callbacks_.on_progress) callbacks_.on_progress({name_, done, total_});
  throw_if(callbacks_.cancelled);
}

}  // namespace mhub
