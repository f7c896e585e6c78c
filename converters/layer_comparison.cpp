// SPDX-License-Identifier: Apache-2.0
#include "layer_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mhub/base/error.hpp"
#include "mhub/runtime/decoder.hpp"
#include "npy_reader.hpp"

namespace mhub::converters {
namespace {

/// The largest difference as a share of the largest golden number.
double relative_difference(std::span<const float> values, std::span<const float> golden) {
  double largest = 0, difference = 0;
  for (std::size_t k = 0; k < golden.size(); ++k) {
    largest = std::max(largest, std::abs(static_cast<double>(golden[k])));
    const double apart = std::abs(static_cast<double>(values[k]) - static_cast<double>(golden[k]));
    if (!std::isfinite(apart)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, apart);
  }
  return difference == 0 ? 0 : difference / largest;
}

/// Of what is compared: the golden state's number, by how many of Megatron's layers a token has gone through.
class Places {
 public:
  Places(std::size_t golden_layers, std::size_t layers)
      : golden_(golden_layers),
        layers_(layers),
        step_(layers % golden_layers == 0 ? layers / golden_layers : 0) {}

  /// layers + 1 stands for what is behind the final norm.
  std::optional<std::size_t> golden(std::size_t passed) const {
    if (passed == 0) return 0;
    if (passed == layers_ + 1) return golden_;
    if (step_ == 0 || passed % step_ != 0 || passed == layers_) return std::nullopt;
    return passed / step_;
  }
  std::string name(std::size_t golden) const {
    if (golden == 0) return "embeddings";
    const std::string layer = "layer " + std::to_string(golden - 1);
    if (golden < golden_) return layer;
    return (step_ == 0 ? "layers 0 to " + std::to_string(golden - 1) : layer) + " and final norm";
  }

 private:
  std::size_t golden_, layers_, step_;
};

void require_sizes(const GoldenStates& golden, const TransformerConfig& config) {
  if (golden.shape[2] != config.hidden_size || golden.vocabulary != config.vocab_size)
    throw InputError("the golden states are of a model of hidden size " + std::to_string(golden.shape[2]) +
                     " and " + std::to_string(golden.vocabulary) + " tokens, this one has " +
                     std::to_string(config.hidden_size) + " and " + std::to_string(config.vocab_size));
}

}  // namespace

GoldenStates read_golden(const std::string& path) {
  NpyReader file(path);
  GoldenStates golden;
  Shape logits;
  golden.tokens = file.integers("tokens");
  golden.hidden = file.floats("hidden states", golden.shape, 3);
  golden.logits = file.floats("logits", logits, 2);
  golden.vocabulary = logits[1];
  const auto tokens = static_cast<std::int64_t>(golden.tokens.size());
  if (tokens == 0 || golden.shape[0] < 2 || golden.shape[1] != tokens || logits[0] != tokens)
    throw InputError(path +
                     ": expected hidden states [layers + 1, tokens, hidden size] and logits [tokens, " +
                     "vocabulary] of " + std::to_string(tokens) + " tokens, found " +
                     to_string(golden.shape) + " and " + to_string(logits));
  return golden;
}

std::vector<LayerDifference> compare_layers(const Checkpoint& checkpoint, const GoldenStates& golden,
                                            runtime::Backend& backend,
                                            const std::function<bool()>& cancelled) {
  runtime::Decoder decoder(checkpoint, backend);
  require_sizes(golden, decoder.config());
  decoder.stop_when(cancelled);
  const Places places(static_cast<std::size_t>(golden.shape[0] - 1),
                      static_cast<std::size_t>(decoder.config().num_layers));
  std::vector<LayerDifference> differences;
  std::vector<float> values;
  const auto compare = [&](const std::string& place, runtime::Matrix computed,
                           std::span<const float> expected) {
    values.resize(expected.size());
    backend.read(computed, values);
    differences.push_back({place, relative_difference(values, expected)});
  };
  const auto size = static_cast<std::size_t>(golden.shape[1] * golden.shape[2]);
  decoder.observe([&](std::size_t passed, runtime::Matrix hidden) {
    if (const std::optional<std::size_t> state = places.golden(passed))
      compare(places.name(*state), hidden, std::span(golden.hidden).subspan(*state * size, size));
  });
  runtime::SequenceCache sequence = decoder.new_sequence();
  sequence.expected_length = static_cast<std::int64_t>(golden.tokens.size());
  const runtime::Decoder::Step step{&sequence, golden.tokens};
  const runtime::Matrix logits = decoder.forward({&step, 1}, runtime::Decoder::Logits::all);
  compare("logits", logits, golden.logits);
  return differences;
}

}  // namespace mhub::converters
