// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/shared_runs.hpp"

#include <cstring>
#include <mutex>
#include <random>

#include <boost/test/unit_test.hpp>

#include "mhub/base/file.hpp"
#include "mhub/mapping/executor.hpp"

using namespace mhub;

namespace {

constexpr auto kBlock = static_cast<std::int64_t>(kFileBlock);

/// Random bytes as a file's.
class Bytes final : public ByteSource {
 public:
  explicit Bytes(std::int64_t size, bool in_file = true)
      : values_(static_cast<std::size_t>(size)), in_file_(in_file) {
    std::mt19937 random(1);
    for (std::byte& value : values_) value = static_cast<std::byte>(random());
  }
  std::uint64_t size() const override { return values_.size(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    std::memcpy(out.data(), values_.data() + offset, out.size());
  }
  bool in_file() const override { return in_file_; }

 private:
  std::vector<std::byte> values_;
  bool in_file_;
  std::string name_ = "file";
};

StoredTensor tensor_at(const std::shared_ptr<const Bytes>& file, std::uint64_t offset, const Shape& shape) {
  return {"t", DType::u8, shape, {{Index(shape.size(), 0), shape, row_major_strides(shape), file, offset}}};
}

CopyPlan plan_of(const StoredTensor& tensor) {
  return compile(identity_map({{"t", tensor.shape}}), {&tensor},
                 {SinkTensor::whole("t", DType::u8, tensor.shape)});
}

/// Shares whole blocks of its one chunk, which begins `phase` bytes into a block, and takes the rest.
class SharingSink final : public TensorSink {
 public:
  SharingSink(std::size_t size, int phase) : content(size), phase_(static_cast<std::uint64_t>(phase)) {}

  ByteRange share(std::size_t, std::size_t, std::uint64_t begin, const ByteSource& file, std::uint64_t from,
                  std::uint64_t size) override {
    const std::uint64_t place = phase_ + begin;
    if (place % kFileBlock != from % kFileBlock) return {begin, begin};
    const std::uint64_t first = at_phase(place, 0) - phase_,
                        last = (place + size) / kFileBlock * kFileBlock - phase_;
    if (first >= last) return {begin, begin};
    file.read(from + (first - begin), std::span(content).subspan(first, last - first));
    return {first, last};
  }
  void append(std::size_t, std::size_t, std::span<const std::byte> data) override {
    std::memcpy(content.data() + at_, data.data(), data.size());
    at_ += data.size();
    appended += data.size();
  }
  void keep(std::size_t, std::size_t, std::span<const std::byte> data) override { at_ += data.size(); }
  void finish() override {}

  std::vector<std::byte> content;
  std::uint64_t appended = 0;

 private:
  std::uint64_t phase_, at_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sharing_blocks)

BOOST_AUTO_TEST_CASE(a_chunk_begins_where_its_source_does) {
  const auto file = std::make_shared<Bytes>(1 << 20);
  const StoredTensor tensor = tensor_at(file, 3 * kFileBlock + 1232, {100, 4096});
  const CopyPlan plan = plan_of(tensor);
  BOOST_TEST(plan.tensors[0].chunks[0].phase == 1232);
  const std::vector<SharedRun> runs = shared_runs(plan.chunks[0]);
  BOOST_REQUIRE(runs.size() == 1U);
  BOOST_TEST(runs[0].from == 3 * kFileBlock + 1232);
  BOOST_TEST(runs[0].at == 0U);
  BOOST_TEST(runs[0].size == 409600U);
}

BOOST_AUTO_TEST_CASE(nothing_is_shared_of_short_runs_changed_values_and_decoded_tensors) {
  const auto file = std::make_shared<Bytes>(1 << 20), decoded = std::make_shared<Bytes>(1 << 20, false);
  const Shape large{100, 4096};
  BOOST_TEST(plan_of(tensor_at(file, 8, {15, 4096})).tensors[0].chunks[0].phase == -1);
  BOOST_TEST(plan_of(tensor_at(decoded, 8, large)).tensors[0].chunks[0].phase == -1);
  const StoredTensor tensor = tensor_at(file, 8, large);
  BOOST_TEST(plan_of(tensor).tensors[0].chunks[0].phase == 8);
  StoredTensor real = tensor;
  real.dtype = DType::bf16;
  StateMap map = identity_map({{"t", large}});
  const auto phase = [&](DType dtype) {
    return compile(map, {&real}, {SinkTensor::whole("t", dtype, large)}).tensors[0].chunks[0].phase;
  };
  BOOST_TEST(phase(DType::bf16) == 8);
  BOOST_TEST(phase(DType::f32) == -1);
  map.terms[0][0].added = 1;
  BOOST_TEST(phase(DType::bf16) == -1);
}

/// Heads that are interleaved: what most bytes want, decides.
BOOST_AUTO_TEST_CASE(most_bytes_decide) {
  const std::int64_t head = 16 * kBlock;
  const auto file = std::make_shared<Bytes>(16 * head);
  const StoredTensor queries = tensor_at(file, 100, {4, 2, head}),
                     keys = tensor_at(file, 8 * kFileBlock + 300, {4, 1, head});
  const Shape joined{4, 3, head};
  StateMap map{{{"q", queries.shape}, {"k", keys.shape}}, {{"t", joined}}, {{}}};
  map.terms[0].push_back({0, zip(View(queries.shape), View(joined).slice(1, 0, 2))});
  map.terms[0].push_back({1, zip(View(keys.shape), View(joined).slice(1, 2, 1))});
  const CopyPlan plan = compile(map, {&queries, &keys}, {SinkTensor::whole("t", DType::u8, joined)});
  BOOST_TEST(plan.tensors[0].chunks[0].phase == 100);
  const std::vector<SharedRun> runs = shared_runs(plan.chunks[0]);
  BOOST_REQUIRE(runs.size() == 8U);
  for (std::size_t k = 1; k < runs.size(); ++k) BOOST_TEST(runs[k - 1].at < runs[k].at);
}

BOOST_AUTO_TEST_CASE(what_is_shared_is_not_written) {
  const auto file = std::make_shared<Bytes>(8 << 20);
  for (const int phase : {0, 8, 4095}) {
    const StoredTensor tensor = tensor_at(file, kFileBlock + static_cast<std::uint64_t>(phase), {5'000'011});
    const CopyPlan plan = plan_of(tensor);
    SharingSink sink(5'000'011, plan.tensors[0].chunks[0].phase);
    const Executed done = execute(plan, sink, {});
    std::vector<std::byte> expected(5'000'011);
    file->read(tensor.chunks[0].byte_offset, expected);
    BOOST_TEST((sink.content == expected));
    BOOST_TEST(done.shared_bytes + sink.appended == 5'000'011U);
    BOOST_TEST(sink.appended < 2 * kFileBlock);
    SharingSink copying(5'000'011, phase + 1);
    const Executed copied = execute(plan, copying, {});
    BOOST_TEST(copied.shared_bytes == 0U);
    BOOST_TEST((copying.content == expected));
    BOOST_TEST(done.checksums == copied.checksums);
  }
}

BOOST_AUTO_TEST_SUITE_END()
