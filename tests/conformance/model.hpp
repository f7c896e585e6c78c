// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/runtime/decoder.hpp"

namespace mhub::tests {

using Row = std::vector<double>;

constexpr double kEpsilon = 1e-5;  ///< of these models' norms

/// A model folder: config.json and float32 tensors with random values.
class Model {
 public:
  explicit Model(nlohmann::json config) : config_(std::move(config)) {}
  /// `center`: added to every value.
  void add(const std::string& name, const std::vector<std::size_t>& shape, float scale, float center = 0.0F);
  void write(const std::string& folder) const;

  const std::vector<float>& at(const std::string& name) const { return tensors_.at(name); }
  /// Row `row` of a matrix with `columns` columns.
  Row row(const std::string& name, std::size_t row, std::size_t columns) const;
  /// weight [out, in] x + bias; `transposed`: the weight is [in, out].
  Row linear(const std::string& name, const Row& x, bool transposed = false) const;
  /// With a bias in the checkpoint a layer norm, else an RMS norm.
  Row norm(const std::string& name, const Row& x) const;

 private:
  nlohmann::json config_;
  nlohmann::ordered_json header_;
  std::string payload_;
  std::map<std::string, std::vector<float>> tensors_;
};

/// Logits of all tokens, run through the decoder in pieces. With `doubt`, a wrong token runs behind each
/// piece and is taken back.
std::vector<float> decoded(runtime::Backend& backend, const Model& model,
                           const std::vector<std::int64_t>& tokens, const std::vector<std::size_t>& pieces,
                           runtime::Precision precision, bool doubt = false);

/// Checks that the backend under test gives the CPU backend's logits for a prompt of 80 tokens, in one piece
/// and in several; unless the model `has_states`, also with wrong tokens behind each that are taken back.
void check_logits(const Model& model, std::size_t vocabulary, bool has_states = false);

}  // namespace mhub::tests
