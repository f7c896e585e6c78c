// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/repeats.hpp"

#include "mhub/base/error.hpp"
#include "mhub/mapping/executor.hpp"

namespace mhub {
namespace {

bool equal(const StoredTensor& left, const StoredTensor& right) {
  if (left.dtype != right.dtype || left.shape != right.shape) return false;
  const StateMap map = identity_map({{left.name, left.shape}});
  const SinkTensor whole = SinkTensor::whole(left.name, left.dtype, left.shape);
  return compare(compile(map, {&left}, {whole}), compile(map, {&right}, {whole}), {}).empty();
}

}  // namespace

void require_equal_repeats(const Checkpoint& source) {
  for (const auto& [repeat, original] : source.state.repeats) {
    if (equal(*repeat, *original)) continue;
    throw InputError(source.path + ": tensor " + repeat->name + " differs from " + original->name +
                     ", but config.json says that they are tied (tie_word_embeddings=true); set it to false "
                     "if they are not");
  }
}

}  // namespace mhub
