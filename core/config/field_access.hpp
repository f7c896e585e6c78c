// SPDX-License-Identifier: Apache-2.0
// FieldValues made of pointers to members.
#pragma once

#include <type_traits>
#include <utility>

#include "mhub/config/fields.hpp"

namespace mhub {

// Where a model has the parts that members belong to.
template <typename Part>
inline constexpr std::nullptr_t kWhole = nullptr;
template <>
inline constexpr auto kWhole<RopeScaling> = &TransformerConfig::rope_scaling;
template <>
inline constexpr auto kWhole<AttentionTemperature> = &TransformerConfig::attention_temperature;
template <>
inline constexpr auto kWhole<MoeConfig> = &TransformerConfig::moe;
template <>
inline constexpr auto kWhole<MlaConfig> = &TransformerConfig::mla;
template <>
inline constexpr auto kWhole<LinearAttentionConfig> = &TransformerConfig::linear_attention;
template <>
inline constexpr auto kWhole<MambaConfig> = &TransformerConfig::mamba;
template <>
inline constexpr auto kWhole<ImageConfig> = &TransformerConfig::image;
template <>
inline constexpr auto kWhole<VisionConfig> = &TransformerConfig::vision;
template <>
inline constexpr auto kWhole<TrainingDefaults> = &TransformerConfig::training;

template <typename Part, typename T>
Part part_of(T Part::*);

/// The member `Member` of a model or of its part, which must be there.
template <auto Member>
auto& at(auto& c) {
  constexpr auto whole = kWhole<decltype(part_of(Member))>;
  if constexpr (std::is_null_pointer_v<decltype(whole)>) {
    return c.*Member;
  } else if constexpr (requires { *(c.*whole); }) {
    return (*(c.*whole)).*Member;
  } else {
    return (c.*whole).*Member;
  }
}

template <typename Part>
constexpr auto presence() -> bool (*)(const TransformerConfig&) {
  if constexpr (requires(const TransformerConfig& c) { *(c.*kWhole<Part>); })
    return [](const TransformerConfig& c) { return (c.*kWhole<Part>).has_value(); };
  return nullptr;
}

/// A member of a model or of a part.
template <auto Member>
constexpr FieldValue value() {
  using T = std::remove_reference_t<decltype(at<Member>(std::declval<TransformerConfig&>()))>;
  FieldValue value{{}, presence<decltype(part_of(Member))>()};
  if constexpr (NamedChoice<T>) {
    value.access = Choice{[](const TransformerConfig& c) { return name_of(at<Member>(c)); },
                          [](TransformerConfig& c, const std::string& name) {
                            const auto found = find_named<T>(name);
                            if (found) at<Member>(c) = *found;
                            return found.has_value();
                          }};
  } else {
    value.access = Access<T>{[](TransformerConfig& c) -> T& { return at<Member>(c); },
                             [](const TransformerConfig& c) -> const T& { return at<Member>(c); }};
  }
  return value;
}

template <typename P>
constexpr FieldValue part() {
  return {Part{[](TransformerConfig& c) { (c.*kWhole<P>).emplace(); },
               [](TransformerConfig& c) { (c.*kWhole<P>).reset(); }},
          presence<P>()};
}

}  // namespace mhub
