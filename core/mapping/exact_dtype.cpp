// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/exact_dtype.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "mhub/base/error.hpp"
#include "mhub/mapping/gather.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/tensor/convert.hpp"
#include "mhub/tensor/offset.hpp"

namespace mhub {
namespace {

/// The plan of one destination tensor with the values as they are stored.
CopyPlan unchanged(const StateMap& map, std::size_t destination,
                   const std::vector<const StoredTensor*>& sources) {
  const StateTensor& tensor = map.destination[destination];
  StateMap one{{}, {tensor}, {map.terms[destination]}};
  std::erase_if(one.terms[0], [](const Term& term) { return !term.writes(); });
  std::vector<const StoredTensor*> used;  // those of a large model are many
  for (Term& term : one.terms[0]) {
    term.added = 0;
    if (term.zero()) continue;
    used.push_back(sources[term.source]);
    one.source.push_back(map.source[term.source]);
    term.source = used.size() - 1;
  }
  const DType dtype = natural_dtype(one, 0, used);
  return compile(one, std::move(used), {SinkTensor::whole(tensor.name, dtype, tensor.shape)});
}

std::string text(double value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

/// The first element of the plan's tensor that `dtype` cannot hold with `added`: where and its value.
struct Lost {
  std::int64_t index;
  double value;
};
std::optional<Lost> first_lost(const ChunkPlan& chunk, DType dtype, double added) {
  WindowReader reader;
  std::vector<std::byte> window;
  const std::size_t size = size_of(chunk.dtype);
  const std::int64_t step = window_elements(chunk);
  for (std::int64_t begin = 0; begin < chunk.elements; begin += step) {
    const auto count = static_cast<std::size_t>(std::min(step, chunk.elements - begin));
    window.resize(count * size);
    reader.read(chunk, begin, static_cast<std::int64_t>(count), window);
    const std::size_t at = first_inexact(chunk.dtype, window.data(), dtype, count, added);
    if (at == count) continue;
    double value = 0;
    convert_elements(chunk.dtype, window.data() + at * size, DType::f64, reinterpret_cast<std::byte*>(&value),
                     1);
    return Lost{begin + static_cast<std::int64_t>(at), value};
  }
  return std::nullopt;
}

}  // namespace

DType exact_dtype(const StateMap& map, std::size_t destination,
                  const std::vector<const StoredTensor*>& sources, std::span<const DType> candidates) {
  const CopyPlan plan = unchanged(map, destination, sources);
  const double added = added_to(map, destination);
  std::optional<Lost> lost;
  for (const DType dtype : candidates) {
    lost = first_lost(plan.chunks[0], dtype, added);
    if (!lost) return dtype;
  }
  const std::string tried = candidates.empty() ? "" : std::string(torch_name(candidates.back()));
  throw InputError("tensor " + map.destination[destination].name + ": element " +
                   std::to_string(lost ? lost->index : 0) + " is made of " + text(lost ? lost->value : 0) +
                   (added < 0 ? " minus " : " plus ") + text(added < 0 ? -added : added) +
                   ", which is not exact in " + tried + "; --dtype asks for a cast, which rounds");
}

}  // namespace mhub
