// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/model_state.hpp"

#include <algorithm>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/mapping/identity.hpp"
#include "mhub/pretrained/uniform_names.hpp"
#include "mhub/tensor/convert.hpp"
#include "mhub/text/regex.hpp"

namespace mhub {
namespace {

constexpr std::size_t kNearest = 3;

/// Which elements of the canonical state have been found.
class Taken {
 public:
  bool has_any_of(const std::vector<Term>& terms) const {
    return std::any_of(terms.begin(), terms.end(), [&](const Term& term) {
      const auto at = boxes_.find(term.source);
      return at != boxes_.end() && std::any_of(at->second.begin(), at->second.end(), [&](const Box& box) {
               return !compose(inverted(box), term.box).empty();
             });
    });
  }
  void add(const std::vector<Term>& terms) {
    for (const Term& term : terms) boxes_[term.source].push_back(term.box);
  }

 private:
  std::unordered_map<std::size_t, std::vector<Box>> boxes_;
};

/// What reads the tensors of `map`, each whole and in its stored type.
CopyPlan plan_of(const CanonicalState& state, const StateMap& map, const std::string& path) {
  const StateMap stored = compose(state.to_canonical, map, path);
  std::vector<SinkTensor> tensors;
  for (std::size_t k = 0; k < map.destination.size(); ++k) {
    const StateTensor& tensor = map.destination[k];
    tensors.push_back(SinkTensor::whole(tensor.name, natural_dtype(stored, k, state.sources), tensor.shape));
  }
  return compile(stored, state.sources, std::move(tensors));
}

/// A name or a pattern with 0 for every number between dots: names of different layers are the same.
std::string without_numbers(const std::string& name) {
  std::string text;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string word = name.substr(begin, end - begin);
    const bool number = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
    text += (begin == 0 ? "" : ".") + (number ? "0" : word);
    begin = end + 1;
  }
  return text;
}

}  // namespace

std::string_view to_string(NameKind kind) {
  constexpr std::array<std::string_view, 3> kNames{"Hugging Face", "Megatron", "uniform"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::vector<float> StateEntry::floats() const {
  ChunkPlan chunk = found_->plan.chunks[index_];
  if (!can_convert(chunk.source_dtype, DType::f32))
    throw InputError("tensor " + name() + " is " + std::string(torch_name(dtype())) +
                     ", expected a floating type");
  chunk.dtype = DType::f32;
  std::vector<float> values(static_cast<std::size_t>(chunk.elements));
  WindowReader reader;
  const std::int64_t step = window_elements(chunk);
  for (std::int64_t begin = 0; begin < chunk.elements; begin += step) {
    const std::int64_t count = std::min(step, chunk.elements - begin);
    reader.read(chunk, begin, count,
                std::as_writable_bytes(std::span(values).subspan(static_cast<std::size_t>(begin),
                                                                 static_cast<std::size_t>(count))));
  }
  return values;
}

ModelState::ModelState(const Checkpoint& checkpoint)
    : state_(&checkpoint.state),
      path_(checkpoint.path),
      named_{hf_layout(checkpoint).layout.map, identity_map(checkpoint.state.to_canonical.destination),
             uniform_map(checkpoint.state.tensors)} {}

std::vector<StateEntry> ModelState::find(const Matches& matches, std::optional<NameKind> only) const {
  std::vector<StateEntry> entries;
  Taken taken;
  for (const NameKind kind : {NameKind::hugging_face, NameKind::megatron, NameKind::uniform}) {
    if (only && *only != kind) continue;
    const StateMap& all = named_.at(static_cast<std::size_t>(kind));
    StateMap hits;
    for (std::size_t k = 0; k < all.destination.size(); ++k) {
      if (!matches(all.destination[k].name) || taken.has_any_of(all.terms[k])) continue;
      hits.destination.push_back(all.destination[k]);
      hits.terms.push_back(all.terms[k]);
    }
    if (hits.destination.empty()) continue;
    hits.source = all.source;
    for (const std::vector<Term>& terms : hits.terms) taken.add(terms);
    const auto found =
        std::make_shared<const StateEntry::Found>(StateEntry::Found{kind, plan_of(*state_, hits, path_)});
    for (std::size_t k = 0; k < hits.destination.size(); ++k) entries.push_back(StateEntry(found, k));
  }
  return entries;
}

std::vector<StateEntry> ModelState::glob(const std::string& pattern, std::optional<NameKind> only) const {
  const std::string inside = pattern.starts_with("*.") ? pattern.substr(2) : pattern;
  return find([&](const std::string& name) { return glob_match(pattern, name) || glob_match(inside, name); },
              only);
}

std::vector<StateEntry> ModelState::operator[](const std::string& pattern) const {
  std::vector<StateEntry> entries = glob(pattern);
  if (entries.empty()) fail(pattern);
  return entries;
}

std::vector<StateEntry> ModelState::regex(const std::string& expression, std::optional<NameKind> only) const {
  const text::Regex compiled = text::Regex::of_user(expression);
  return find([&](const std::string& name) { return compiled.found_in(name); }, only);
}

StateEntry ModelState::at(const std::string& name) const {
  const std::vector<StateEntry> entries = find([&](const std::string& one) { return one == name; }, {});
  if (entries.empty()) fail(name);
  return entries.front();
}

void ModelState::fail(const std::string& pattern) const {
  struct Near {
    std::size_t distance;
    std::string name;
  };
  std::vector<Near> nearest;
  std::set<std::string> seen;
  const std::string wanted = without_numbers(pattern);
  for (const StateMap& map : named_) {
    for (const StateTensor& tensor : map.destination) {
      const std::string name = without_numbers(tensor.name);
      if (seen.insert(name).second) nearest.push_back({edit_distance(wanted, name), tensor.name});
    }
  }
  std::stable_sort(nearest.begin(), nearest.end(),
                   [](const Near& a, const Near& b) { return a.distance < b.distance; });
  std::string names;
  for (std::size_t k = 0; k < std::min(kNearest, nearest.size()); ++k)
    names += (k == 0 ? "" : ", ") + nearest[k].name;
  throw UsageError(path_ + ": no tensor is called " + pattern + "; the nearest names are " + names);
}

}  // namespace mhub
