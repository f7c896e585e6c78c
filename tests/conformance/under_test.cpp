// SPDX-License-Identifier: Apache-2.0
#include "conformance/under_test.hpp"

#include <cmath>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/cudnn/cudnn_backend.hpp"
#include "mhub/runtime/device/device_backend.hpp"
#include "mhub/runtime/device/device_weights.hpp"
#include "runtime/device/host_device.hpp"
#include "runtime/random_values.hpp"

namespace mhub::tests {
namespace {

using namespace mhub::runtime;

std::unique_ptr<Backend> make_cpu(DType) { return make_cpu_backend({2, nullptr}); }
std::unique_ptr<Backend> make_host(DType run) {
  return make_device_backend(std::make_unique<HostDevice>(), element_of(run));
}
std::unique_ptr<Backend> make_host_lanes(DType run) {
  return make_device_backend(std::make_unique<HostDevice>(3), element_of(run));
}

std::unique_ptr<Backend> make_cudnn(DType run) { return make_cudnn_backend(run, "cudnn"); }

const UnderTest kKnown[] = {
    {"cpu", DType::bf16, 2e-2, make_cpu},
    {"host-f32", DType::f32, kExact, make_host},
    {"host-f16", DType::f16, 4e-3, make_host},
    {"host-bf16", DType::bf16, 3e-2, make_host},
    {"host-lanes", DType::bf16, 3e-2, make_host_lanes},
    {"cudnn-f32", DType::f32, kExact, make_cudnn},
    {"cudnn-f16", DType::f16, 4e-3, make_cudnn},
    {"cudnn-bf16", DType::bf16, 3e-2, make_cudnn},
};

}  // namespace

const UnderTest& under_test() {
  const auto& suite = boost::unit_test::framework::master_test_suite();
  const std::string name = suite.argc > 1 ? suite.argv[1] : "";
  for (const UnderTest& known : kKnown) {
    if (known.name == name) return known;
  }
  throw std::invalid_argument("conformance_test -- BACKEND: no backend \"" + name + "\"");
}

Backend& backend() {
  static const std::unique_ptr<Backend> made = under_test().make(under_test().run);
  return *made;
}

Activations::Activations(std::int64_t rows, std::int64_t columns)
    : memory_(backend().allocate(rows * columns)), matrix_{memory_.get(), rows, columns, columns} {}

Activations::Activations(const std::vector<float>& values, std::int64_t rows, std::int64_t columns)
    : Activations(rows, columns) {
  // Backends take numbers from weights: the rows of a float32 table, in order.
  const auto table = weight(values, rows, columns, DType::f32, Precision::exact);
  std::vector<std::int64_t> ids;
  for (std::int64_t r = 0; r < rows; ++r) ids.push_back(r);
  backend().embed(table->view, ids, false, matrix_);
}

std::vector<float> Activations::values() const {
  std::vector<float> values(static_cast<std::size_t>(matrix_.rows * matrix_.columns));
  backend().read(matrix_, values);
  return values;
}

std::unique_ptr<Weight> weight(const std::vector<float>& values, std::int64_t rows, std::int64_t columns,
                               DType dtype, Precision precision, std::int64_t parts) {
  auto made = std::make_unique<Weight>();
  made->bytes = as_type(values, dtype);
  made->values = as_floats(made->bytes, dtype);
  WeightView view{"weight", rows, columns, {}, nullptr};
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = rows * part / parts, end = rows * (part + 1) / parts;
    const auto offset = static_cast<std::size_t>(begin * columns) * size_of(dtype);
    view.blocks.push_back({begin, end - begin, 0, columns, made->bytes.data() + offset, columns, dtype});
  }
  made->view = backend().place(view, Rows::all, precision);
  return made;
}

double deviation(std::span<const float> found, std::span<const double> expected) {
  if (found.size() != expected.size()) throw std::invalid_argument("not as many numbers as expected");
  double worst = 0, largest = 1e-30;
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (!std::isfinite(found[k])) return INFINITY;
    worst = std::max(worst, std::abs(static_cast<double>(found[k]) - expected[k]));
    largest = std::max(largest, std::abs(expected[k]));
  }
  return worst / largest;
}

}  // namespace mhub::tests
