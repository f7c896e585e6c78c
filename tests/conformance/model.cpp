// SPDX-License-Identifier: Apache-2.0
#include "conformance/model.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "conformance/under_test.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "runtime/random_values.hpp"

namespace mhub::tests {

using namespace mhub::runtime;

void Model::add(const std::string& name, const std::vector<std::size_t>& shape, float scale, float center) {
  std::size_t size = 1;
  for (const std::size_t n : shape) size *= n;
  std::vector<float> values =
      random_values(static_cast<std::int64_t>(size), static_cast<unsigned>(100 + tensors_.size()), scale);
  for (float& value : values) value += center;
  const std::size_t begin = payload_.size();
  payload_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  header_[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, payload_.size()}}};
  tensors_[name] = std::move(values);
}

void Model::write(const std::string& folder) const {
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/config.json") << config_.dump();
  std::string json = header_.dump();
  json.append((8 - json.size() % 8) % 8, ' ');
  std::string length;
  for (int k = 0; k < 8; ++k) length += static_cast<char>(json.size() >> (8 * k));
  std::ofstream(folder + "/model.safetensors", std::ios::binary) << length << json << payload_;
}

Row Model::row(const std::string& name, std::size_t row, std::size_t columns) const {
  const auto begin = at(name).begin() + static_cast<std::ptrdiff_t>(row * columns);
  return {begin, begin + static_cast<std::ptrdiff_t>(columns)};
}

Row Model::linear(const std::string& name, const Row& x, bool transposed) const {
  const std::vector<float>& weight = at(name + ".weight");
  const std::size_t outputs = weight.size() / x.size();
  const auto bias = tensors_.find(name + ".bias");
  Row y(outputs);
  for (std::size_t n = 0; n < outputs; ++n) {
    if (bias != tensors_.end()) y[n] = static_cast<double>(bias->second[n]);
    for (std::size_t k = 0; k < x.size(); ++k)
      y[n] += x[k] * static_cast<double>(weight[transposed ? k * outputs + n : n * x.size() + k]);
  }
  return y;
}

Row Model::norm(const std::string& name, const Row& x) const {
  const auto bias = tensors_.find(name + ".bias");
  double mean = 0, square = 0;
  const auto count = static_cast<double>(x.size());
  if (bias != tensors_.end()) {
    for (const double v : x) mean += v / count;
  }
  for (const double v : x) square += (v - mean) * (v - mean) / count;
  Row y;
  for (std::size_t k = 0; k < x.size(); ++k) {
    y.push_back((x[k] - mean) / std::sqrt(square + kEpsilon) * static_cast<double>(at(name + ".weight")[k]));
    if (bias != tensors_.end()) y.back() += static_cast<double>(bias->second[k]);
  }
  return y;
}

std::vector<float> decoded(Backend& backend, const Model& model, const std::vector<std::int64_t>& tokens,
                           const std::vector<std::size_t>& pieces, Precision precision, bool doubt) {
  const TemporaryFolder folder;
  model.write(folder.file("model"));
  const Checkpoint checkpoint = open_checkpoint(folder.file("model"));
  Decoder decoder(checkpoint, backend);
  SequenceCache sequence = decoder.new_sequence();
  std::vector<float> all;
  std::size_t begin = 0;
  for (const std::size_t piece : pieces) {
    const auto end = tokens.begin() + static_cast<std::ptrdiff_t>(begin + piece);
    std::vector<std::int64_t> ran(tokens.begin() + static_cast<std::ptrdiff_t>(begin), end);
    if (doubt) ran.push_back(ran.back() == 0 ? 1 : 0);
    const Decoder::Step step{&sequence, ran, {}, {}, {}, doubt ? 1 : 0};
    Matrix logits = decoder.forward({&step, 1}, Decoder::Logits::all, precision);
    if (doubt) decoder.take_back(sequence, 1);
    logits.rows -= doubt ? 1 : 0;
    const std::size_t at = all.size();
    all.resize(at + static_cast<std::size_t>(logits.rows * logits.columns));
    backend.read(logits, std::span(all).subspan(at));
    begin += piece;
  }
  return all;
}

void check_logits(const Model& model, std::size_t vocabulary, bool has_states) {
  std::vector<std::int64_t> tokens;
  for (std::int64_t k = 0; k < 80; ++k)
    tokens.push_back((k * k + 5 * k) % static_cast<std::int64_t>(vocabulary));
  const std::vector<float> golden =
      decoded(*runtime::make_cpu_backend({2, nullptr}), model, tokens, {80}, runtime::Precision::exact);
  const Row expected(golden.begin(), golden.end());
  const bool exact = under_test().name == "cpu" || under_test().run == DType::f32;
  const double allowed = exact ? 1e-4 : 3 * under_test().rounded;
  for (const auto& pieces : std::vector<std::vector<std::size_t>>{{80}, {64, 15, 1}, {9, 1, 1, 1, 68}}) {
    const double found =
        deviation(decoded(backend(), model, tokens, pieces, runtime::Precision::fast), expected);
    BOOST_TEST_MESSAGE("deviation " << found);
    BOOST_TEST(found <= allowed);
    if (has_states) continue;
    BOOST_TEST(deviation(decoded(backend(), model, tokens, pieces, runtime::Precision::fast, true),
                         expected) <= allowed);
  }
}

}  // namespace mhub::tests
