// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/graph_spec.hpp"

#include <bit>

#include "mhub/runtime/kv_cache.hpp"

namespace mhub::runtime {
namespace {

constexpr std::int64_t kLargestPower = 512;
constexpr std::int64_t kFewestKeys = 16 * LayerCache::kTokens;

std::string element_name(Element element) {
  return element == Element::f32 ? "f32" : element == Element::f16 ? "f16" : "bf16";
}

std::string name_of(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::silu: return "SiLU";
    case ActivationKind::gelu: return "GELU";
    case ActivationKind::gelu_tanh: return "GELU (tanh)";
    case ActivationKind::quick_gelu: return "quick GELU";
    case ActivationKind::relu: return "ReLU";
    case ActivationKind::relu_squared: return "squared ReLU";
    case ActivationKind::xielu: return "xIELU";
    case ActivationKind::identity: break;
  }
  return "identity";
}

std::string shape(std::initializer_list<std::int64_t> sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "[" : ", ") + std::to_string(size);
  return text + "]";
}

}  // namespace

std::string to_string(const LinearSpec& spec) {
  return "linear " + element_name(spec.element) + " " + shape({spec.tokens, spec.inputs}) + " x " +
         shape({spec.gated ? 2 * spec.outputs : spec.outputs, spec.inputs}) + "^T" +
         (spec.bias ? " + bias" : "") +
         (spec.activation != ActivationKind::identity ? ", " + name_of(spec.activation) : "") +
         (spec.gated ? ", gated" : "");
}

std::string to_string(const NormSpec& spec) {
  return std::string(spec.kind == NormKind::rms ? "RMS norm " : "layer norm ") +
         shape({spec.rows, spec.columns}) + (spec.bias ? " + bias" : "");
}

std::string to_string(const AttentionSpec& spec) {
  return "attention " + element_name(spec.element) + " queries " +
         shape({spec.batch, spec.queries, spec.heads, spec.key_dim}) + ", " + std::to_string(spec.keys) +
         " keys of " + std::to_string(spec.groups) + " groups, values " + std::to_string(spec.value_dim) +
         (spec.window > 0 ? ", window " + std::to_string(spec.window) : "") + (spec.sinks ? ", sinks" : "");
}

std::int64_t padded_count(std::int64_t count) {
  if (count <= kLargestPower)
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
  return (count + kLargestPower - 1) / kLargestPower * kLargestPower;
}

std::int64_t padded_keys(std::int64_t keys) {
  std::int64_t padded = kFewestKeys;
  while (padded < keys) padded *= 4;
  return padded;
}

}  // namespace mhub::runtime
