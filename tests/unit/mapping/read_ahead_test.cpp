// SPDX-License-Identifier: Apache-2.0
// What is read ahead of a sink that takes one window after another.
#include "mhub/mapping/read_ahead.hpp"

#include <cstring>
#include <numeric>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/mapping/box.hpp"

BOOST_AUTO_TEST_SUITE(read_ahead_tests)

using namespace mhub;

namespace {

/// Numbers from 0 on, four bytes each; what lies behind `readable` bytes cannot be read.
class Numbers final : public ByteSource {
 public:
  explicit Numbers(std::uint64_t count, std::uint64_t readable = UINT64_MAX)
      : count_(count), readable_(readable) {}
  std::uint64_t size() const override { return 4 * count_; }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset + out.size() > readable_) throw IoError("the disk is gone");
    std::vector<std::uint32_t> all(count_);
    std::iota(all.begin(), all.end(), 0U);
    std::memcpy(out.data(), reinterpret_cast<const std::byte*>(all.data()) + offset, out.size());
  }

 private:
  std::uint64_t count_, readable_;
  std::string name_ = "numbers";
};

/// Three tensors, the middle one without elements.
CopyPlan three(const std::shared_ptr<const Numbers>& file, std::int64_t rows) {
  const std::vector<StateTensor> tensors{{"a", {rows, 1024}}, {"none", {0, 1024}}, {"b", {2, 3}}};
  StateMap map{tensors, tensors, {}};
  for (std::size_t k = 0; k < tensors.size(); ++k)
    map.terms.push_back({{k, run_box(0, 0, numel(tensors[k].shape))}});
  std::vector<StoredTensor> stored;
  std::vector<SinkTensor> sinks;
  for (const StateTensor& tensor : tensors) {
    const Shape& shape = tensor.shape;
    stored.push_back({tensor.name, DType::u32, shape, {{{0, 0}, shape, {shape[1], 1}, file, 0}}});
    sinks.push_back({tensor.name, DType::u32, shape, {{{0, 0}, shape, 0}}});
  }
  return compile(map, {&stored[0], &stored[1], &stored[2]}, sinks);
}

}  // namespace

BOOST_AUTO_TEST_CASE(windows_come_in_the_order_of_their_chunks) {
  const auto file = std::make_shared<const Numbers>(3000 * 1024);
  const CopyPlan plan = three(file, 3000);
  ReadAhead windows(plan, {{2}, {0}, {1}});
  std::vector<std::size_t> order;
  std::vector<std::uint32_t> values;
  while (const ReadAhead::Window* window = windows.next()) {
    if (order.empty() || order.back() != window->chunk) order.push_back(window->chunk);
    BOOST_REQUIRE_EQUAL(window->bytes.size(), 4 * static_cast<std::size_t>(window->count));
    if (window->chunk != 0) continue;
    BOOST_REQUIRE_EQUAL(window->begin, static_cast<std::int64_t>(values.size()));
    const std::size_t before = values.size();
    values.resize(before + static_cast<std::size_t>(window->count));
    std::memcpy(values.data() + before, window->bytes.data(), window->bytes.size());
  }
  BOOST_TEST(order == (std::vector<std::size_t>{2, 0, 1}), boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(values.size(), 3000U * 1024U);
  for (std::size_t k = 0; k < values.size(); ++k) BOOST_REQUIRE_EQUAL(values[k], k);
  BOOST_TEST(windows.next() == nullptr);
}

BOOST_AUTO_TEST_CASE(what_stops_the_reading_is_told_behind_what_was_read) {
  const auto file = std::make_shared<const Numbers>(3000 * 1024, 64);
  const CopyPlan plan = three(file, 3000);
  ReadAhead windows(plan, {{2}, {0}});
  const ReadAhead::Window* first = windows.next();
  BOOST_REQUIRE(first != nullptr);
  BOOST_TEST(first->chunk == 2U);
  BOOST_CHECK_EXCEPTION(windows.next(), IoError, tests::message_has("the disk is gone"));
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_one_who_goes_early) {
  const auto file = std::make_shared<const Numbers>(3000 * 1024);
  const CopyPlan plan = three(file, 3000);
  for (int taken = 0; taken < 3; ++taken) {
    ReadAhead windows(plan, {{0}, {2}});
    for (int k = 0; k < taken; ++k) BOOST_TEST(windows.next() != nullptr);
  }
}

BOOST_AUTO_TEST_SUITE_END()
