// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/parts.hpp"

#include <numeric>
#include <sstream>
#include <unordered_map>

namespace mhub {
namespace {

/// Sets of numbers that grow together.
class Sets {
 public:
  explicit Sets(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0); }
  std::size_t find(std::size_t k) {
    while (parent_[k] != k) k = parent_[k] = parent_[parent_[k]];
    return k;
  }
  void join(std::size_t a, std::size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parent_;
};

void write(std::ostream& out, const std::vector<Term>& terms) {
  for (const Term& term : terms) {
    out << "; " << term.source << ' ' << term.added << ' ' << static_cast<int>(term.kind) << ' '
        << term.box.source_offset << '>' << term.box.destination_offset;
    for (const Loop& loop : term.box.loops)
      out << ' ' << loop.extent << ':' << loop.source_stride << ':' << loop.destination_stride;
  }
}

}  // namespace

std::vector<StateMap> independent_parts(const StateMap& map) {
  const std::size_t sources = map.source.size();
  Sets sets(sources + map.destination.size());
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    for (const Term& term : map.terms[d]) {
      if (!term.zero()) sets.join(term.source, sources + d);
    }
  }
  std::vector<StateMap> parts;
  std::unordered_map<std::size_t, std::size_t> number;  // of a set's part
  const auto part_of = [&](std::size_t member) -> StateMap& {
    const auto [at, added] = number.emplace(sets.find(member), parts.size());
    if (added) parts.emplace_back();
    return parts[at->second];
  };
  std::vector<std::size_t> place(sources);  // of a source tensor in its part
  for (std::size_t s = 0; s < sources; ++s) {
    StateMap& part = part_of(s);
    place[s] = part.source.size();
    part.source.push_back(map.source[s]);
  }
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    StateMap& part = part_of(sources + d);
    part.destination.push_back(map.destination[d]);
    part.terms.push_back(map.terms[d]);
    for (Term& term : part.terms.back()) {
      if (!term.zero()) term.source = place[term.source];
    }
  }
  for (const Term& drop : map.dropped)
    part_of(drop.source).dropped.push_back({place[drop.source], drop.box, drop.added, drop.kind});
  return parts;
}

std::string structure_of(const StateMap& map) {
  std::ostringstream out;
  out << std::hexfloat;
  for (const StateTensor& tensor : map.source) out << to_string(tensor.shape);
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    out << '\n' << to_string(map.destination[d].shape);
    write(out, map.terms[d]);
  }
  out << "\ndropped";
  write(out, map.dropped);
  return out.str();
}

}  // namespace mhub
