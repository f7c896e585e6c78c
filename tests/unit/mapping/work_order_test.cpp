// SPDX-License-Identifier: Apache-2.0
// The order of the work changes how often and in which order a source is read, and nothing else.
#include "mhub/mapping/work_order.hpp"

#include <cstring>
#include <mutex>

#include <boost/test/unit_test.hpp>

#include "mapping/random_views.hpp"
#include "mhub/base/error.hpp"

BOOST_AUTO_TEST_SUITE(work_order_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// Element k is k, in four bytes; notes what is read.
class Noted final : public ByteSource {
 public:
  Noted(std::string name, std::int64_t elements, bool arrives)
      : name_(std::move(name)), size_(4 * static_cast<std::uint64_t>(elements)), arrives_(arrives) {}
  std::uint64_t size() const override { return size_; }
  const std::string& name() const override { return name_; }
  bool arrives() const override { return arrives_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    for (std::size_t at = 0; at < out.size(); ++at) {
      const auto value = static_cast<std::uint32_t>((offset + at) / 4);
      out[at] = static_cast<std::byte>(value >> (8 * ((offset + at) % 4)));
    }
    const std::lock_guard guard(mutex_);
    reads.emplace_back(offset, out.size());
  }
  std::uint64_t bytes_read() const {
    std::uint64_t bytes = 0;
    for (const auto& [offset, size] : reads) bytes += size;
    return bytes;
  }
  mutable std::vector<std::pair<std::uint64_t, std::size_t>> reads;

 private:
  std::string name_;
  std::uint64_t size_;
  bool arrives_;
  mutable std::mutex mutex_;
};

class Chunks final : public TensorSink {
 public:
  void append(std::size_t tensor, std::size_t chunk, std::span<const std::byte> data) override {
    const std::lock_guard guard(mutex_);
    std::vector<std::byte>& all = bytes[{tensor, chunk}];
    all.insert(all.end(), data.begin(), data.end());
  }
  bool serial() const override { return one_by_one; }
  void finish() override {}
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::byte>> bytes;
  bool one_by_one = false;

 private:
  std::mutex mutex_;
};

StoredTensor matrix(const std::string& name, const Shape& shape, const std::shared_ptr<const Noted>& file,
                    std::int64_t first = 0) {
  return {
      name, DType::u32, shape, {{{0, 0}, shape, {shape[1], 1}, file, 4 * static_cast<std::uint64_t>(first)}}};
}

/// A matrix that is cut along an axis in so many parts.
SinkTensor cut(const std::string& name, const Shape& shape, std::size_t axis, std::int64_t parts) {
  SinkTensor tensor{name, DType::u32, shape, {}};
  Shape part = shape;
  part[axis] /= parts;
  for (std::int64_t k = 0; k < parts; ++k) {
    Index offset(shape.size(), 0);
    offset[axis] = k * part[axis];
    tensor.chunks.push_back({offset, part, static_cast<int>(k)});
  }
  return tensor;
}

StateMap copy_of(const std::vector<StateTensor>& tensors) {
  StateMap map{tensors, tensors, {}};
  for (std::size_t k = 0; k < tensors.size(); ++k)
    map.terms.push_back({{k, run_box(0, 0, numel(tensors[k].shape))}});
  return map;
}

/// Executed, each chunk is what its part of the numbered matrix is.
void check_parts(const CopyPlan& plan, const std::vector<std::int64_t>& first, int jobs) {
  Chunks sink;
  const Executed done = execute(plan, sink, {jobs});
  for (const ChunkPlan& chunk : plan.chunks) {
    const SinkTensor& tensor = plan.tensors[chunk.tensor];
    const SinkChunk& part = tensor.chunks[chunk.chunk];
    const std::vector<std::byte>& bytes = sink.bytes[{chunk.tensor, chunk.chunk}];
    BOOST_REQUIRE_EQUAL(bytes.size(), 4 * static_cast<std::size_t>(numel(part.shape)));
    std::size_t at = 0;
    for (std::int64_t i = 0; i < part.shape[0]; ++i) {
      for (std::int64_t j = 0; j < part.shape[1]; ++j, at += 4) {
        std::uint32_t value = 0;
        std::memcpy(&value, bytes.data() + at, 4);
        const std::int64_t element = (part.offset[0] + i) * tensor.shape[1] + part.offset[1] + j;
        BOOST_REQUIRE_EQUAL(value, static_cast<std::uint32_t>(first[chunk.tensor] + element));
      }
    }
  }
  for (const std::string& checksum : done.checksums) BOOST_TEST(checksum.size() == 32U);
}

}  // namespace

BOOST_AUTO_TEST_CASE(parts_of_rows_are_read_in_one_pass) {
  const Shape shape{3000, 1024};
  const auto file = std::make_shared<Noted>("file", numel(shape), false);
  const StoredTensor tensor = matrix("m", shape, file);
  const CopyPlan plan = compile(copy_of({{"m", shape}}), {&tensor}, {cut("m", shape, 1, 8)});
  BOOST_TEST(work_units(plan, true).size() == 1U);
  BOOST_TEST(work_units(plan, false).size() == 8U);
  check_parts(plan, {0}, 2);
  BOOST_TEST(file->bytes_read() == file->size());
  // A megabyte at a time, not a run of every row for every rank.
  BOOST_TEST(file->reads.size() < 20U);
}

BOOST_AUTO_TEST_CASE(whole_rows_are_work_of_their_own) {
  const Shape shape{64, 32};
  const auto file = std::make_shared<Noted>("file", numel(shape), false);
  const StoredTensor tensor = matrix("m", shape, file);
  const CopyPlan plan = compile(copy_of({{"m", shape}}), {&tensor}, {cut("m", shape, 0, 4)});
  BOOST_TEST(work_units(plan, true).size() == 4U);
  check_parts(plan, {0}, 3);
}

BOOST_AUTO_TEST_CASE(copies_for_several_ranks_are_read_once) {
  const Shape shape{40, 30};
  const auto file = std::make_shared<Noted>("file", numel(shape), false);
  const StoredTensor tensor = matrix("m", shape, file);
  const StateMap map{{{"m", shape}},
                     {{"a", shape}, {"b", shape}},
                     {{{0, run_box(0, 0, numel(shape))}}, {{0, run_box(0, 0, numel(shape))}}}};
  const CopyPlan plan = compile(map, {&tensor}, {cut("a", shape, 0, 1), cut("b", shape, 0, 1)});
  check_parts(plan, {0, 0}, 1);
  BOOST_TEST(file->bytes_read() == file->size());
}

BOOST_AUTO_TEST_CASE(a_sink_that_takes_one_chunk_after_another_gets_them_so) {
  const Shape shape{512, 1024};
  const auto file = std::make_shared<Noted>("file", numel(shape), false);
  const StoredTensor tensor = matrix("m", shape, file);
  const CopyPlan plan = compile(copy_of({{"m", shape}}), {&tensor}, {cut("m", shape, 1, 4)});
  Chunks sink;
  sink.one_by_one = true;
  execute(plan, sink, {});
  // Long windows: a chunk is one read of short runs, which are many.
  BOOST_TEST(file->reads.size() == 4U * 512);
  Chunks alone, ahead;
  alone.one_by_one = ahead.one_by_one = true;
  const Executed one = execute(plan, alone, {1}), two = execute(plan, ahead, {2});
  BOOST_TEST(one.checksums == two.checksums, boost::test_tools::per_element());
  BOOST_TEST((alone.bytes == ahead.bytes));
}

BOOST_AUTO_TEST_CASE(what_arrives_is_read_from_the_front) {
  const Shape large{400, 100}, small{10, 100};
  for (const bool arrives : {false, true}) {
    const auto b = std::make_shared<Noted>("b", 50'000, arrives),
               a = std::make_shared<Noted>("a", 50'000, arrives);
    const std::vector<StoredTensor> stored{matrix("0", small, b), matrix("1", large, b, 1000),
                                           matrix("2", small, a, 40'000), matrix("3", large, a)};
    const CopyPlan plan =
        compile(copy_of({{"0", small}, {"1", large}, {"2", small}, {"3", large}}),
                {&stored[0], &stored[1], &stored[2], &stored[3]},
                {cut("0", small, 0, 1), cut("1", large, 1, 2), cut("2", small, 0, 1), cut("3", large, 0, 1)});
    std::vector<std::size_t> order;  // of tensors
    for (const WorkUnit& unit : work_units(plan, true)) order.push_back(plan.chunks[unit[0]].tensor);
    const std::vector<std::size_t> by_size{1, 3, 0, 2}, by_place{3, 2, 0, 1};
    BOOST_TEST(order == (arrives ? by_place : by_size), boost::test_tools::per_element());
    check_parts(plan, {0, 1000, 40'000, 0}, 2);
  }
}

BOOST_AUTO_TEST_CASE(random_cuts_are_what_they_were) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<StateTensor> tensors;
    std::vector<SinkTensor> sinks;
    std::vector<std::int64_t> first;
    const auto file = std::make_shared<Noted>("file", 1 << 20, round % 2 == 0);
    std::vector<StoredTensor> stored;
    std::int64_t at = 0;
    for (int k = 0; k < 3; ++k) {
      const std::int64_t parts = std::int64_t{1} << uniform(random, 0, 3);
      const Shape shape{parts * uniform(random, 1, 40), parts * uniform(random, 1, 40)};
      tensors.push_back({std::to_string(k), shape});
      stored.push_back(matrix(std::to_string(k), shape, file, at));
      sinks.push_back(cut(std::to_string(k), shape, static_cast<std::size_t>(uniform(random, 0, 1)), parts));
      first.push_back(at);
      at += numel(shape);
    }
    std::vector<const StoredTensor*> sources;
    for (const StoredTensor& tensor : stored) sources.push_back(&tensor);
    check_parts(compile(copy_of(tensors), sources, sinks), first, 1 + round % 3);
  }
}

BOOST_AUTO_TEST_SUITE_END()
