// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace mhub {

// What a model has one of. Each enumeration has one table of names: those of transformers where a config.json
// states it, else Megatron-Core's.

template <typename E>
struct Named {
  E value;
  std::string_view name;
};
/// The names of an enumeration's values.
template <typename E>
inline constexpr bool kNames = false;

/// Megatron's position_embedding_type.
enum class PositionEmbedding { rope, learned_absolute, none };
template <>
inline constexpr auto kNames<PositionEmbedding> =
    std::to_array<Named<PositionEmbedding>>({{PositionEmbedding::rope, "rope"},
                                             {PositionEmbedding::learned_absolute, "learned_absolute"},
                                             {PositionEmbedding::none, "none"}});

enum class Normalization { rms, layer };
template <>
inline constexpr auto kNames<Normalization> = std::to_array<Named<Normalization>>(
    {{Normalization::rms, "RMSNorm"}, {Normalization::layer, "LayerNorm"}});

/// transformers' kinds of rotary scaling (modeling_rope_utils.py).
enum class RopeKind { none, linear, dynamic, llama3, yarn, longrope };
template <>
inline constexpr auto kNames<RopeKind> = std::to_array<Named<RopeKind>>({{RopeKind::none, "default"},
                                                                         {RopeKind::linear, "linear"},
                                                                         {RopeKind::dynamic, "dynamic"},
                                                                         {RopeKind::llama3, "llama3"},
                                                                         {RopeKind::yarn, "yarn"},
                                                                         {RopeKind::longrope, "longrope"}});

/// transformers' names of functions (activations.py, ACT2FN) as far as Megatron or mhub's runtime computes
/// them. Some functions have several: see function_of.
enum class ActivationFunction {
  silu,
  swish,
  gelu,
  gelu_python,
  gelu_pytorch_tanh,
  gelu_new,
  gelu_fast,
  gelu_python_tanh,
  gelu_accurate,
  quick_gelu,
  relu,
  relu2,
  linear
};
template <>
inline constexpr auto kNames<ActivationFunction> =
    std::to_array<Named<ActivationFunction>>({{ActivationFunction::silu, "silu"},
                                              {ActivationFunction::swish, "swish"},
                                              {ActivationFunction::gelu, "gelu"},
                                              {ActivationFunction::gelu_python, "gelu_python"},
                                              {ActivationFunction::gelu_pytorch_tanh, "gelu_pytorch_tanh"},
                                              {ActivationFunction::gelu_new, "gelu_new"},
                                              {ActivationFunction::gelu_fast, "gelu_fast"},
                                              {ActivationFunction::gelu_python_tanh, "gelu_python_tanh"},
                                              {ActivationFunction::gelu_accurate, "gelu_accurate"},
                                              {ActivationFunction::quick_gelu, "quick_gelu"},
                                              {ActivationFunction::relu, "relu"},
                                              {ActivationFunction::relu2, "relu2"},
                                              {ActivationFunction::linear, "linear"}});
/// The name that stands for all names of the same function.
ActivationFunction function_of(ActivationFunction activation);

enum class RouterScore { softmax, sigmoid };
template <>
inline constexpr auto kNames<RouterScore> =
    std::to_array<Named<RouterScore>>({{RouterScore::softmax, "softmax"}, {RouterScore::sigmoid, "sigmoid"}});

/// Megatron-Core's softmax_type; `learnable`: a sink logit per head.
enum class SoftmaxType { vanilla, learnable };
template <>
inline constexpr auto kNames<SoftmaxType> = std::to_array<Named<SoftmaxType>>(
    {{SoftmaxType::vanilla, "vanilla"}, {SoftmaxType::learnable, "learnable"}});

/// An enumeration with a table of names.
template <typename E>
concept NamedChoice = requires {
  kNames<E>.size();
};

template <NamedChoice E>
std::string name_of(E value) {
  for (const Named<E>& one : kNames<E>) {
    if (one.value == value) return std::string(one.name);
  }
  return "";
}

template <NamedChoice E>
std::optional<E> find_named(std::string_view name) {
  for (const Named<E>& one : kNames<E>) {
    if (one.name == name) return one.value;
  }
  return std::nullopt;
}

}  // namespace mhub
