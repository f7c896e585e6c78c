// SPDX-License-Identifier: Apache-2.0
// Plans bound to bytes: whatever the chunking and the windows, what is read is what the state map says.
#include "mhub/mapping/executor.hpp"

#include <atomic>
#include <cstring>
#include <mutex>

#include <boost/test/unit_test.hpp>

#include "mapping/random_views.hpp"
#include "mapping/state_values.hpp"
#include "mhub/base/error.hpp"
#include "mhub/mapping/box.hpp"

BOOST_AUTO_TEST_SUITE(executor_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// Bytes in memory.
class Memory final : public ByteSource {
 public:
  explicit Memory(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
      throw IoError("memory: read beyond the end");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::vector<std::byte> bytes_;
  std::string name_ = "memory";
};

/// Cuts [0, size) at random places.
std::vector<std::int64_t> cuts(std::mt19937& random, std::int64_t size) {
  std::vector<std::int64_t> at{0};
  while (at.back() < size) at.push_back(std::min(size, at.back() + uniform(random, 1, size)));
  return at;
}

/// A tensor of the given numbers (one byte or four each), stored in random chunks along a random axis, some
/// transposed.
StoredTensor stored(std::mt19937& random, const StateTensor& tensor, const std::vector<std::int64_t>& values,
                    DType dtype) {
  StoredTensor result{tensor.name, dtype, tensor.shape, {}};
  const auto axis =
      static_cast<std::size_t>(uniform(random, 0, static_cast<std::int64_t>(tensor.shape.size()) - 1));
  const std::vector<std::int64_t> at = cuts(random, tensor.shape[axis]);
  for (std::size_t k = 0; k + 1 < at.size(); ++k) {
    StoredChunk chunk{Index(tensor.shape.size(), 0), tensor.shape, {}, nullptr, 0};
    chunk.offset[axis] = at[k];
    chunk.shape[axis] = at[k + 1] - at[k];
    std::vector<std::size_t> order(tensor.shape.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    Shape lying(order.size());
    for (std::size_t n = 0; n < order.size(); ++n) lying[n] = chunk.shape[order[n]];
    const Index lying_strides = row_major_strides(lying);
    chunk.strides.resize(order.size());
    for (std::size_t n = 0; n < order.size(); ++n) chunk.strides[order[n]] = lying_strides[n];
    chunk.byte_offset = static_cast<std::uint64_t>(uniform(random, 0, 9));
    std::vector<std::byte> bytes(chunk.byte_offset +
                                 static_cast<std::size_t>(numel(chunk.shape)) * size_of(dtype));
    Box box{0, 0, {}};
    const Index whole = row_major_strides(tensor.shape);
    for (std::size_t n = 0; n < order.size(); ++n) {
      box.source_offset += chunk.offset[n] * whole[n];
      box.loops.push_back({chunk.shape[n], whole[n], chunk.strides[n]});
    }
    for (const auto& [from, to] : pairs(box)) {
      const auto value = static_cast<std::uint32_t>(values[static_cast<std::size_t>(from)]);
      std::memcpy(bytes.data() + chunk.byte_offset + static_cast<std::size_t>(to) * size_of(dtype), &value,
                  size_of(dtype));
    }
    chunk.bytes = std::make_shared<Memory>(std::move(bytes));
    result.chunks.push_back(std::move(chunk));
  }
  return result;
}

/// A random map of one tensor into one padded destination.
StateMap random_map(std::mt19937& random) {
  const Shape shape = random_shape(random, 7);
  const View view = random_view(random, shape);
  const std::int64_t count = numel(view.shape());
  const std::int64_t padding = uniform(random, 0, 4);
  StateMap map{
      {{"source", shape}}, {{"destination", {count + padding}}}, {{{0, zip(view, View(view.shape()))}}}};
  if (padding > 0) map.terms[0].push_back(zero_term(count, count + padding));
  return map;
}

class Collect final : public TensorSink {
 public:
  explicit Collect(std::size_t tensors) : bytes(tensors) {}
  void append(std::size_t tensor, std::size_t, std::span<const std::byte> data) override {
    const std::lock_guard lock(mutex_);
    bytes[tensor].insert(bytes[tensor].end(), data.begin(), data.end());
  }
  void finish() override {}
  std::vector<std::vector<std::byte>> bytes;

 private:
  std::mutex mutex_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(windows_of_any_size_give_what_the_map_says) {
  std::mt19937 random(8);
  for (int round = 0; round < 3000; ++round) {
    const DType dtype = uniform(random, 0, 1) == 0 ? DType::u32 : DType::u16;
    const StateMap map = random_map(random);
    const Values source = numbered_values(map.source);
    const std::vector<std::int64_t> expected = applied(map, source)[0];
    const StoredTensor tensor = stored(random, map.source[0], source[0], dtype);
    const Shape& shape = map.destination[0].shape;
    const std::vector<std::int64_t> at = cuts(random, shape[0]);
    SinkTensor sink{"destination", dtype, shape, {}};
    for (std::size_t k = 0; k + 1 < at.size(); ++k) sink.chunks.push_back({{at[k]}, {at[k + 1] - at[k]}, 0});
    const CopyPlan plan = compile(map, {&tensor}, {sink});
    WindowReader reader;
    for (std::size_t c = 0; c < plan.chunks.size(); ++c) {
      const std::vector<std::int64_t> windows = cuts(random, plan.chunks[c].elements);
      for (std::size_t w = 0; w + 1 < windows.size(); ++w) {
        const std::int64_t count = windows[w + 1] - windows[w];
        std::vector<std::byte> out(static_cast<std::size_t>(count) * size_of(dtype), std::byte{0xee});
        reader.read(plan.chunks[c], windows[w], count, out);
        for (std::int64_t k = 0; k < count; ++k) {
          std::uint32_t value = 0;
          std::memcpy(&value, out.data() + static_cast<std::size_t>(k) * size_of(dtype), size_of(dtype));
          BOOST_REQUIRE_EQUAL(value, expected[static_cast<std::size_t>(at[c] + windows[w] + k)]);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(large_transposes_go_through_long_windows) {
  // 3000 x 1100 floats do not fit one short window; the transpose must still be exact.
  const std::int64_t rows = 3000, columns = 1100;
  const StateMap map{{{"s", {rows, columns}}},
                     {{"d", {columns, rows}}},
                     {{{0, zip(View({rows, columns}).permute({1, 0}), View({columns, rows}))}}}};
  std::mt19937 random(9);
  const Values values = numbered_values(map.source);
  StoredTensor tensor{"s", DType::u32, {rows, columns}, {}};
  std::vector<std::byte> bytes(static_cast<std::size_t>(rows * columns) * 4);
  for (std::size_t k = 0; k < values[0].size(); ++k) {
    const auto value = static_cast<std::uint32_t>(values[0][k]);
    std::memcpy(bytes.data() + 4 * k, &value, 4);
  }
  tensor.chunks.push_back({{0, 0}, {rows, columns}, {columns, 1}, std::make_shared<Memory>(bytes), 0});
  const CopyPlan plan =
      compile(map, {&tensor}, {{"d", DType::u32, {columns, rows}, {{{0, 0}, {columns, rows}, 0}}}});
  Collect sink(1);
  std::atomic<std::uint64_t> counted{0};
  const auto checksums = execute(plan, sink, {2, [&](std::uint64_t n) { counted += n; }}).checksums;
  BOOST_TEST(counted == bytes.size());
  BOOST_TEST(checksums[0].size() == 32U);
  for (std::int64_t i = 0; i < columns; ++i) {
    for (std::int64_t j = 0; j < rows; ++j) {
      std::uint32_t value = 0;
      std::memcpy(&value, sink.bytes[0].data() + 4 * (i * rows + j), 4);
      BOOST_REQUIRE_EQUAL(value, static_cast<std::uint32_t>(j * columns + i + 1));
    }
  }
  // The same plan against itself is equal; with one bit changed the element is named.
  BOOST_TEST(compare(plan, plan, {2, {}}).empty());
  bytes[4 * (17 * columns + 5)] ^= std::byte{1};
  StoredTensor flipped = tensor;
  flipped.chunks[0].bytes = std::make_shared<Memory>(bytes);
  const CopyPlan other = compile(map, {&flipped}, plan.tensors);
  const auto differences = compare(plan, other, {2, {}});
  BOOST_REQUIRE_EQUAL(differences.size(), 1U);
  BOOST_TEST(differences[0].first_index == 5 * rows + 17);
  BOOST_TEST(differences[0].count == 1);
}

BOOST_AUTO_TEST_CASE(errors_of_any_thread_stop_the_work) {
  const StateMap map{{{"s", {1 << 20}}}, {{"d", {1 << 20}}}, {{{0, run_box(0, 0, 1 << 20)}}}};
  StoredTensor tensor{"s",
                      DType::f32,
                      {1 << 20},
                      {{{0}, {1 << 20}, {1}, std::make_shared<Memory>(std::vector<std::byte>(100)), 0}}};
  const CopyPlan plan = compile(
      map, {&tensor}, {{"d", DType::f32, {1 << 20}, {{{0}, {1 << 19}, 0}, {{1 << 19}, {1 << 19}, 0}}}});
  Collect sink(1);
  BOOST_CHECK_THROW(execute(plan, sink, {2, {}}), IoError);
  BOOST_CHECK_THROW(compile(map, {&tensor}, {{"d", DType::i64, {1 << 20}, {}}}), InputError);
}

BOOST_AUTO_TEST_SUITE_END()
