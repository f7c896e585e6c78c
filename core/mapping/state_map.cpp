// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/state_map.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

std::unordered_map<std::string, std::size_t> positions(const std::vector<StateTensor>& tensors) {
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t k = 0; k < tensors.size(); ++k) index.emplace(tensors[k].name, k);
  return index;
}

/// The destination side of a box with some source side that is injective.
Box with_any_source(Box box) {
  box.source_offset = box.destination_offset;
  for (Loop& loop : box.loops) loop.source_stride = loop.destination_stride;
  return normalized(std::move(box));
}

/// The destination side of a box with nothing behind it.
Box zeros_over(Box box) {
  box = with_any_source(std::move(box));
  box.source_offset = 0;
  for (Loop& loop : box.loops) loop.source_stride = 0;
  return box;
}

/// A zero term read through `box`.
std::vector<Box> compose_zero(const Box& zero, const Box& box) {
  std::vector<Box> parts = compose(with_any_source(zero), box);
  for (Box& part : parts) part = zeros_over(std::move(part));
  return parts;
}

/// One of two boxes whose destination sides share an element, if there are any. Only boxes whose spans
/// overlap are compared, so that long lists of disjoint pieces cost little.
std::optional<Box> first_overlap(std::vector<Box> boxes) {
  for (Box& box : boxes) box = with_any_source(std::move(box));
  std::sort(boxes.begin(), boxes.end(),
            [](const Box& a, const Box& b) { return a.destination_offset < b.destination_offset; });
  std::vector<const Box*> open;
  for (const Box& box : boxes) {
    std::erase_if(open, [&](const Box* o) {
      return o->destination_offset + destination_span(*o) <= box.destination_offset;
    });
    for (const Box* other : open) {
      if (!compose(*other, inverted(box)).empty()) return box;
    }
    open.push_back(&box);
  }
  return std::nullopt;
}

void check_coverage(const StateMap& map, const std::string& where, const char* done, const char* does) {
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    const StateTensor& tensor = map.destination[d];
    std::int64_t count = 0;
    std::vector<Box> boxes;
    for (const Term& term : map.terms[d]) {
      count += element_count(term.box);
      boxes.push_back(term.box);
    }
    if (const auto twice = first_overlap(std::move(boxes))) {
      throw InputError(where + ": tensor " + tensor.name + " would be " + done + " twice from element " +
                       std::to_string(twice->destination_offset) + " on");
    }
    if (count != numel(tensor.shape)) {
      throw InputError(where + ": tensor " + tensor.name + " " + to_string(tensor.shape) + " has " +
                       std::to_string(numel(tensor.shape)) + " elements, but the mapping " + does + " " +
                       std::to_string(count));
    }
  }
}

}  // namespace

StateMap identity_map(const std::vector<StateTensor>& tensors) {
  StateMap map{tensors, tensors, {}, std::vector<char>(tensors.size(), 0), {}};
  for (std::size_t k = 0; k < tensors.size(); ++k)
    map.terms.push_back({{k, run_box(0, 0, numel(tensors[k].shape))}});
  return map;
}

Term zero_term(std::int64_t begin, std::int64_t end) {
  Box box = run_box(0, begin, end - begin);
  for (Loop& loop : box.loops) loop.source_stride = 0;
  return {Term::kZero, std::move(box)};
}

double added_to(const StateMap& map, std::size_t destination) {
  const std::vector<Term>& terms = map.terms[destination];
  const double added = terms.empty() ? 0 : terms[0].added;
  const bool same = std::all_of(terms.begin(), terms.end(), [&](const Term& t) { return t.added == added; });
  if (!same)
    throw std::logic_error("tensor " + map.destination[destination].name +
                           ": not all elements change their value by the same amount");
  return added;
}

StateMap inverted(const StateMap& map) {
  StateMap result;
  result.source = map.destination;
  result.destination = map.source;
  result.terms.resize(map.source.size());
  result.copy.assign(map.source.size(), 0);
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    for (const Term& term : map.terms[d]) {
      if (map.copy[d] != 0 || term.source == Term::kZero) {
        result.dropped.push_back({d, zeros_over(term.box)});
      } else {
        result.terms[term.source].push_back({d, inverted(term.box), -term.added});
      }
    }
  }
  for (const StateMap::Drop& drop : map.dropped)
    result.terms[drop.source].push_back({Term::kZero, drop.zero});
  return result;
}

StateMap compose(const StateMap& first, const StateMap& second, const std::string& where) {
  StateMap result;
  result.source = first.source;
  result.destination = second.destination;
  result.copy = second.copy;
  result.dropped = first.dropped;
  result.terms.resize(second.destination.size());
  const auto made = positions(first.destination);
  for (std::size_t d = 0; d < second.destination.size(); ++d) {
    for (const Term& outer : second.terms[d]) {
      if (outer.source == Term::kZero) {
        result.terms[d].push_back(outer);
        continue;
      }
      const StateTensor& middle = second.source[outer.source];
      const auto at = made.find(middle.name);
      if (at == made.end()) throw InputError(where + ": tensor " + middle.name + " is missing");
      if (first.destination[at->second].shape != middle.shape) {
        throw InputError(where + ": tensor " + middle.name + " has shape " +
                         to_string(first.destination[at->second].shape) + ", expected " +
                         to_string(middle.shape));
      }
      for (const Term& inner : first.terms[at->second]) {
        std::vector<Box> parts =
            inner.source == Term::kZero ? compose_zero(inner.box, outer.box) : compose(inner.box, outer.box);
        const double added = inner.source == Term::kZero ? 0 : inner.added + outer.added;
        for (Box& part : parts) result.terms[d].push_back({inner.source, std::move(part), added});
      }
    }
  }
  return result;
}

void check_destination_coverage(const StateMap& map, const std::string& where) {
  check_coverage(map, where, "written", "makes");
}

void check_source_coverage(const StateMap& map, const std::string& where) {
  check_coverage(inverted(map), where, "read", "reads");
}

}  // namespace mhub
