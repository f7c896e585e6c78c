// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/whole_state.hpp"

#include <algorithm>
#include <unordered_set>

#include "mhub/base/config_error.hpp"
#include "mhub/base/error.hpp"

namespace mhub {
namespace {

class WholeBuilder {
 public:
  WholeBuilder(const std::vector<CanonicalTensor>& gpt, const std::string& where) : gpt_(gpt), where_(where) {
    for (std::size_t k = 0; k < gpt.size(); ++k) {
      state_.map.source.push_back({gpt[k].name, gpt[k].shape});
      if (gpt[k].identity.carried()) carried_.emplace(gpt[k].identity.part, k);
    }
  }

  /// The decoder, as the module that it is in the whole.
  void add_decoder() {
    for (std::size_t k = 0; k < gpt_.size(); ++k) {
      if (gpt_[k].identity.carried()) continue;
      CanonicalTensor tensor = gpt_[k];
      tensor.identity.module = kDecoderModule;
      tensor.name = canonical_name(tensor.identity);
      add(std::move(tensor), {{k, run_box(0, 0, numel(gpt_[k].shape))}});
    }
  }

  void add_parts(const ExpandedMapping& parts) {
    for (std::size_t d = 0; d < parts.canonical.size(); ++d) {
      std::vector<Term> terms = parts.import.terms[d];
      for (Term& term : terms) {
        if (!term.zero()) term.source = carried(parts.import.source[term.source]);
      }
      add(parts.canonical[d], std::move(terms));
    }
  }

  /// What stays carried.
  void add_rest() {
    for (std::size_t k = 0; k < gpt_.size(); ++k) {
      if (gpt_[k].identity.carried() && !used_.contains(k))
        add(gpt_[k], {{k, run_box(0, 0, numel(gpt_[k].shape))}});
    }
  }

  WholeState take() { return std::move(state_); }

 private:
  void add(CanonicalTensor tensor, std::vector<Term> terms) {
    state_.map.destination.push_back({tensor.name, tensor.shape});
    state_.map.terms.push_back(std::move(terms));
    state_.tensors.push_back(std::move(tensor));
  }

  std::size_t carried(const StateTensor& wanted) {
    const auto at = carried_.find(wanted.name);
    if (at == carried_.end())
      throw InputError(where_ + ": tensor " + wanted.name + " " + to_string(wanted.shape) +
                       " is missing; config.json asks for it");
    if (const Shape& found = gpt_[at->second].shape; found != wanted.shape)
      throw InputError(where_ + ": tensor " + wanted.name + " has shape " + to_string(found) + ", expected " +
                       to_string(wanted.shape) + " from config.json");
    used_.insert(at->second);
    return at->second;
  }

  const std::vector<CanonicalTensor>& gpt_;
  const std::string& where_;
  std::unordered_map<std::string, std::size_t> carried_;  ///< by Hugging Face name
  std::unordered_set<std::size_t> used_;
  WholeState state_;
};

ExpandedMapping expanded(const Mapping& mapping, const std::string& where) {
  try {
    return expand(mapping);
  } catch (const ConfigError& error) {
    throw InputError(where + ": its config cannot be mapped: " + error.what());
  }
}

}  // namespace

WholeState whole_state(const WholeModel& whole, const std::vector<CanonicalTensor>& gpt,
                       const std::string& where) {
  WholeBuilder builder(gpt, where);
  builder.add_decoder();
  builder.add_parts(expanded(with_rest(whole.parts, carried_tensors(gpt), where), where));
  builder.add_rest();
  return builder.take();
}

bool named_as_whole(const std::vector<StateTensor>& stored) {
  return std::any_of(stored.begin(), stored.end(), [](const StateTensor& tensor) {
    return identity_of(tensor.name).module == kDecoderModule;
  });
}

std::vector<StateTensor> tensors_of_parts(const WholeModel& whole, const std::vector<StateTensor>& stored,
                                          const std::string& where) {
  std::vector<StateTensor> tensors = expanded(whole.parts, where).import.source;
  for (StateTensor& tensor : rest_of(whole.parts, stored)) tensors.push_back(std::move(tensor));
  return tensors;
}

}  // namespace mhub
