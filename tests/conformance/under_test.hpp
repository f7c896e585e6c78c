// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mhub/runtime/backend.hpp"

namespace mhub::tests {

/// The backend that the command line names: conformance_test ... -- NAME.
struct UnderTest {
  std::string name;
  DType run = DType::f32;  ///< what it rounds operands of products to
  double rounded = 0;      ///< deviation allowed after such a product, of the largest expected number
  std::unique_ptr<runtime::Backend> (*make)(DType run) = nullptr;
};

/// The deviation allowed where everything is float32.
constexpr double kExact = 2e-5;

const UnderTest& under_test();
/// One backend for all tests of a program.
runtime::Backend& backend();

/// Float32 numbers in the backend's memory, row after row.
class Activations {
 public:
  Activations(const std::vector<float>& values, std::int64_t rows, std::int64_t columns);
  /// Not initialised.
  Activations(std::int64_t rows, std::int64_t columns);

  const runtime::Matrix& matrix() const { return matrix_; }
  operator const runtime::Matrix&() const { return matrix_; }
  std::vector<float> values() const;

 private:
  std::shared_ptr<float> memory_;
  runtime::Matrix matrix_;
};

/// A weight of a type, made of the given numbers rounded to it, on the backend; `parts` equal bands of rows
/// in places of their own.
struct Weight {
  std::vector<std::byte> bytes;
  std::vector<float> values;  ///< rounded
  runtime::WeightView view;   ///< placed
};
std::unique_ptr<Weight> weight(const std::vector<float>& values, std::int64_t rows, std::int64_t columns,
                               DType dtype, runtime::Precision precision, std::int64_t parts = 1);

/// The largest deviation from the expected numbers, as a part of the largest of those; infinite for one that
/// is no number.
double deviation(std::span<const float> found, std::span<const double> expected);

}  // namespace mhub::tests
