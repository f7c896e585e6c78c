// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/state_map.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "mhub/base/error.hpp"
#include "mhub/base/name_index.hpp"

namespace mhub {
namespace {

Term::Kind turned(Term::Kind kind) {
  if (kind == Term::Kind::copy) return Term::Kind::check;
  if (kind == Term::Kind::filler) return Term::Kind::move;
  return kind == Term::Kind::check ? Term::Kind::copy : kind;
}

/// Where `first` makes what `second` reads: per source tensor of `second` a destination of `first`.
std::vector<std::size_t> matched(const StateMap& first, const StateMap& second, const std::string& where) {
  const auto name_of = [&](std::uint32_t d) { return std::string_view(first.destination[d].name); };
  NameIndex made(first.destination.size());
  for (std::size_t d = 0; d < first.destination.size(); ++d)
    made.add(first.destination[d].name, static_cast<std::uint32_t>(d), name_of);
  std::vector<std::size_t> middle;
  middle.reserve(second.source.size());
  for (const StateTensor& tensor : second.source) {
    const std::uint32_t at = made.find(tensor.name, name_of);
    if (at == NameIndex::kNone) throw InputError(where + ": tensor " + tensor.name + " is missing");
    const Shape& shape = first.destination[at].shape;
    if (shape != tensor.shape) {
      throw InputError(where + ": tensor " + tensor.name + " has shape " + to_string(shape) + ", expected " +
                       to_string(tensor.shape));
    }
    middle.push_back(at);
  }
  return middle;
}

/// A side's elements of a box, numbered alike on both sides: what counts where only they do.
Box side(Box box, bool source) {
  (source ? box.destination_offset : box.source_offset) = source ? box.source_offset : box.destination_offset;
  for (Loop& loop : box.loops) {
    (source ? loop.destination_stride : loop.source_stride) =
        source ? loop.source_stride : loop.destination_stride;
  }
  return normalized(std::move(box));
}

/// One of two boxes whose destination sides share an element, if there are any. Only boxes whose spans
/// overlap are compared, so that long lists of disjoint pieces cost little.
std::optional<Box> first_overlap(std::vector<Box>& boxes) {
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

/// Whether each element of a tensor is met once, in the terms that `visit` tells of. A box of its own meets
/// none twice.
class Coverage {
 public:
  Coverage(const std::string& where, const char* done, const char* does)
      : where_(where), done_(done), does_(does) {}

  void check(const StateTensor& tensor, std::span<const Term* const> terms, bool source) {
    std::int64_t count = 0;
    for (const Term* term : terms) count += element_count(term->box);
    if (terms.size() > 1) {
      boxes_.clear();
      for (const Term* term : terms) boxes_.push_back(side(term->box, source));
      if (const auto twice = first_overlap(boxes_)) {
        throw InputError(where_ + ": tensor " + tensor.name + " would be " + done_ + " twice from element " +
                         std::to_string(twice->destination_offset) + " on");
      }
    }
    if (count != numel(tensor.shape)) {
      throw InputError(where_ + ": tensor " + tensor.name + " " + to_string(tensor.shape) + " has " +
                       std::to_string(numel(tensor.shape)) + " elements, but the mapping " + does_ + " " +
                       std::to_string(count));
    }
  }

 private:
  const std::string& where_;
  const char* done_;
  const char* does_;
  std::vector<Box> boxes_;
};

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

StateMap identity_map(const std::vector<StateTensor>& tensors) {
  StateMap map{tensors, tensors, {}};
  for (std::size_t k = 0; k < tensors.size(); ++k)
    map.terms.push_back({{k, run_box(0, 0, numel(tensors[k].shape))}});
  return map;
}

Term zero_term(std::int64_t begin, std::int64_t end) {
  return {Term::kZero, run_box(begin, begin, end - begin)};
}

double added_to(const StateMap& map, std::size_t destination) {
  return added_to(map.terms[destination], map.destination[destination].name);
}

double added_to(const std::vector<Term>& terms, const std::string& name) {
  const auto writes = [](const Term& term) { return term.writes(); };
  const auto first = std::find_if(terms.begin(), terms.end(), writes);
  const double added = first == terms.end() ? 0 : first->added;
  const bool same =
      std::all_of(first, terms.end(), [&](const Term& t) { return !writes(t) || t.added == added; });
  if (!same)
    throw std::logic_error("tensor " + name + ": not all elements change their value by the same amount");
  return added;
}

StateMap inverted(const StateMap& map) {
  StateMap result{map.destination, map.source, std::vector<std::vector<Term>>(map.source.size())};
  const auto turn = [&](std::size_t destination, const std::vector<Term>& terms) {
    for (const Term& term : terms) {
      const bool filler = term.kind == Term::Kind::filler;
      std::vector<Term>& to = term.zero() || filler ? result.dropped : result.terms[term.source];
      to.push_back({destination, inverted(term.box), -term.added, turned(term.kind)});
    }
  };
  for (std::size_t d = 0; d < map.destination.size(); ++d) turn(d, map.terms[d]);
  turn(Term::kZero, map.dropped);
  return result;
}

StateMap compose(const StateMap& first, StateMap second, const std::string& where) {
  const std::vector<std::size_t> middle = matched(first, second, where);
  std::exchange(second.source, {});
  const std::size_t count = second.destination.size();
  StateMap result{first.source, std::move(second.destination), std::vector<std::vector<Term>>(count),
                  first.dropped};
  const auto follow = [&](const std::vector<Term>& outer_terms, std::vector<Term>& out) {
    for (const Term& outer : outer_terms) {
      if (outer.zero()) {
        out.push_back(outer);
        continue;
      }
      for (const Term& inner : first.terms[middle[outer.source]]) {
        const double added = inner.zero() ? 0 : inner.added + outer.added;
        for (Box& part : compose(inner.box, outer.box))
          out.push_back({inner.source, std::move(part), added, std::max(inner.kind, outer.kind)});
      }
    }
  };
  for (std::size_t d = 0; d < count; ++d) {
    result.terms[d].reserve(second.terms[d].size());
    follow(second.terms[d], result.terms[d]);
    std::exchange(second.terms[d], {});  // a large model has a million; "= {}" would keep the memory
  }
  follow(second.dropped, result.dropped);
  std::erase_if(result.dropped, [](const Term& term) { return term.zero(); });
  return result;
}

Copies checked_copies(const StateMap& map) {
  StateMap all = inverted(map);
  Copies copies{{std::move(all.source), {}, {}}, {}};
  for (std::size_t d = 0; d < all.destination.size(); ++d) {
    const auto is_copy = [](const Term& term) { return term.kind == Term::Kind::copy; };
    if (std::none_of(all.terms[d].begin(), all.terms[d].end(), is_copy)) continue;
    copies.map.destination.push_back(std::move(all.destination[d]));
    copies.map.terms.push_back(std::move(all.terms[d]));
    copies.source.push_back(d);
  }
  return copies;
}

void check_destination_coverage(const StateMap& map, const std::string& where) {
  Coverage coverage(where, "written", "makes");
  std::vector<const Term*> writing;
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    writing.clear();
    for (const Term& term : map.terms[d]) {
      if (term.writes()) writing.push_back(&term);
    }
    coverage.check(map.destination[d], writing, false);
  }
}

void check_source_coverage(const StateMap& map, const std::string& where) {
  // A copy is a check from the other side, which takes nothing away; a filler is nothing there.
  const auto takes = [](const Term& term) {
    return !term.zero() && term.kind != Term::Kind::copy && term.kind != Term::Kind::filler;
  };
  std::vector<std::size_t> ends(map.source.size() + 1);  // of each tensor's terms, one behind
  const auto each = [&](const auto& visit) {
    for (const std::vector<Term>& terms : map.terms) std::for_each(terms.begin(), terms.end(), visit);
    std::for_each(map.dropped.begin(), map.dropped.end(), visit);
  };
  each([&](const Term& term) {
    if (takes(term)) ++ends[term.source + 1];
  });
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<const Term*> all(ends.back());
  std::vector<std::size_t> next(ends.begin(), ends.end() - 1);
  each([&](const Term& term) {
    if (takes(term)) all[next[term.source]++] = &term;
  });
  Coverage coverage(where, "read", "reads");
  for (std::size_t s = 0; s < map.source.size(); ++s)
    coverage.check(map.source[s], std::span(all).subspan(ends[s], ends[s + 1] - ends[s]), true);
}

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
