// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "mhub/config/fields.hpp"

/// How an entry of the table of fields (field_table.cpp) is made of a member: its name, its part, and how it
/// is read, written and reset follow from the member itself. A new part of TransformerConfig has its line
/// among whole_of.
namespace mhub::field_entry {

using C = TransformerConfig;

/// A part's place in a model, and what Megatron has in front of the names of the part's fields.
template <typename M>
struct Whole {
  M member;
  const char* prefix = "";
};
template <typename M>
Whole(M, const char* = "") -> Whole<M>;
constexpr auto whole_of(const C*) { return nullptr; }
constexpr auto whole_of(const RopeScaling*) { return Whole{&C::rope_scaling}; }
constexpr auto whole_of(const AttentionTemperature*) { return Whole{&C::attention_temperature}; }
constexpr auto whole_of(const AttentionKind*) { return Whole{&C::full_attention}; }
constexpr auto whole_of(const SharedKeysConfig*) { return Whole{&C::shared_keys}; }
constexpr auto whole_of(const LayerEmbeddingConfig*) { return Whole{&C::layer_embeddings}; }
constexpr auto whole_of(const MoeConfig*) { return Whole{&C::moe, "moe_"}; }
constexpr auto whole_of(const MlaConfig*) { return Whole{&C::mla}; }
constexpr auto whole_of(const SparseAttentionConfig*) { return Whole{&C::sparse_attention, "dsa_indexer_"}; }
constexpr auto whole_of(const LinearAttentionConfig*) { return Whole{&C::linear_attention, "linear_"}; }
constexpr auto whole_of(const MambaConfig*) { return Whole{&C::mamba, "mamba_"}; }
constexpr auto whole_of(const HeterogeneousConfig*) { return Whole{&C::heterogeneous}; }
constexpr auto whole_of(const ImageConfig*) { return Whole{&C::image}; }
constexpr auto whole_of(const VisionConfig*) { return Whole{&C::vision}; }
constexpr auto whole_of(const TrainingDefaults*) { return Whole{&C::training}; }
template <typename Part>
constexpr auto kWhole = whole_of(static_cast<const Part*>(nullptr));

/// The member's name. Compilers spell this function "... [with auto Member = &mhub::MoeConfig::num_experts;
/// ...]".
template <auto Member>
constexpr std::string_view name_of_member() {
  std::string_view text = __PRETTY_FUNCTION__;
  text = text.substr(0, text.find_first_of(";]", text.find("Member = ")));
  return text.substr(text.rfind(':') + 1);
}

/// Whether a model may be without the part.
template <typename Part>
constexpr bool kOptional = requires(C c) {
  (c.*kWhole<Part>.member).has_value();
};

template <typename Part>
constexpr bool (*presence())(const C&) {
  if constexpr (kOptional<Part>) return [](const C& c) { return (c.*kWhole<Part>.member).has_value(); };
  return nullptr;
}

template <typename Part, typename T>
Part part_of(T Part::*);

/// The member `Member` of a model or of its part, which must be there.
template <auto Member>
auto& at(auto& c) {
  using Part = decltype(part_of(Member));
  if constexpr (std::is_same_v<Part, C>) {
    return c.*Member;
  } else if constexpr (kOptional<Part>) {
    return *(c.*kWhole<Part>.member).*Member;
  } else {
    return c.*kWhole<Part>.member.*Member;
  }
}

template <typename T>
nlohmann::json json_of(const T& value) {
  if constexpr (NamedChoice<T>) {
    return name_of(value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  } else {
    return value;
  }
}

template <typename T>
void read(const Field& entry, FieldBinding& f, const std::string& key, std::int64_t layers, T& value) {
  if constexpr (NamedChoice<T>) {
    f.choice(key, value);
  } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
    read_layers(f, key, layers, entry.entry, value);
  } else if constexpr (requires { value.has_value(); }) {
    f.optional(key, value);
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    // Where the default is stated as null, Megatron's own value for it may be 0.
    const bool size = entry.runs && entry.runs->low >= 1 && entry.default_is != kNull;
    value = size ? f.reader().positive(key) : f.reader().integer(key);
  } else {
    f.pass(key, value);
  }
}

/// The entry of a member of a model or of a part.
template <auto Member>
constexpr Field field(Field entry) {
  using Part = decltype(part_of(Member));
  if constexpr (!std::is_same_v<Part, C>) {
    entry.part = name_of_member<kWhole<Part>.member>();
    entry.prefix = kWhole<Part>.prefix;
    entry.there = presence<Part>();
  }
  entry.member = name_of_member<Member>();
  entry.get = [](const C& c) { return json_of(at<Member>(c)); };
  entry.read = [](const Field& of, FieldBinding& f, const std::string& key, C& c) {
    field_entry::read(of, f, key, c.num_layers, at<Member>(c));
  };
  entry.reset = [](C& c) { at<Member>(c) = Part().*Member; };
  if constexpr (std::is_same_v<decltype(Member), std::vector<std::int64_t> Part::*>)
    entry.layers = [](C& c) -> std::vector<std::int64_t>& { return at<Member>(c); };
  return entry;
}

/// The entry of a part.
template <typename P>
constexpr Field part(Field entry) {
  entry.member = name_of_member<kWhole<P>.member>();
  entry.add = [](C& c) { (c.*kWhole<P>.member).emplace(); };
  entry.reset = [](C& c) { (c.*kWhole<P>.member).reset(); };
  entry.there = presence<P>();
  return entry;
}

}  // namespace mhub::field_entry
