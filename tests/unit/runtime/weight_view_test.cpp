// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/weight_view.hpp"

#include <cstring>
#include <numeric>

#include <boost/test/unit_test.hpp>

#include "mhub/base/byte_source.hpp"
#include "mhub/mapping/transform.hpp"

BOOST_AUTO_TEST_SUITE(weight_view)

using namespace mhub;
using namespace mhub::runtime;

namespace {

/// Bytes in memory that may or may not be offered as a mapping.
class MemorySource final : public ByteSource {
 public:
  MemorySource(std::vector<std::byte> bytes, bool mappable) : bytes_(std::move(bytes)), mappable_(mappable) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    BOOST_TEST_REQUIRE(offset + out.size() <= bytes_.size());
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }
  std::span<const std::byte> map() const override {
    return mappable_ ? std::span<const std::byte>(bytes_) : std::span<const std::byte>();
  }

 private:
  std::vector<std::byte> bytes_;
  bool mappable_;
  std::string name_ = "memory";
};

/// A matrix made of stored tensors of distinct 16-bit numbers, behind `skip` bytes of something else.
struct Stored {
  Stored(const Transform& transform, std::size_t skip = 64, bool mappable = true) {
    plan.elements = numel(transform.shape);
    plan.source_dtype = plan.dtype = DType::bf16;
    std::uint16_t next = 0;
    for (const Operand& operand : transform.operands) {
      std::vector<std::uint16_t> values(static_cast<std::size_t>(numel(operand.shape)));
      std::iota(values.begin(), values.end(), next);
      next = static_cast<std::uint16_t>(next + values.size());
      std::vector<std::byte> bytes(skip + values.size() * 2);
      std::memcpy(bytes.data() + skip, values.data(), values.size() * 2);
      sources.push_back(std::make_unique<MemorySource>(std::move(bytes), mappable));
      for (const Box& box : operand.boxes) plan.terms.push_back({sources.back().get(), skip, 0, box});
    }
    std::sort(plan.terms.begin(), plan.terms.end(), [](const CopyTerm& a, const CopyTerm& b) {
      return a.box.destination_offset < b.box.destination_offset;
    });
    rows = transform.shape[0];
    columns = transform.shape[1];
  }
  WeightView in_place() const { return view_in_place(plan, rows, columns); }
  WeightView copied() const { return gathered(plan, rows, columns); }

  std::vector<std::unique_ptr<MemorySource>> sources;
  ChunkPlan plan;
  std::int64_t rows = 0, columns = 0;
};

/// The elements of a view, row by row.
std::vector<std::uint16_t> elements(const WeightView& view) {
  check_tiling(view);
  std::vector<std::uint16_t> values(static_cast<std::size_t>(view.rows * view.columns));
  for (const WeightBlock& block : view.blocks) {
    for (std::int64_t r = 0; r < block.rows; ++r) {
      std::memcpy(values.data() + (block.row + r) * view.columns + block.column,
                  block.data + r * block.row_stride * 2, static_cast<std::size_t>(block.columns) * 2);
    }
  }
  return values;
}

void check_in_place(const Transform& transform, std::size_t blocks) {
  const Stored stored(transform);
  const WeightView view = stored.in_place();
  BOOST_TEST(view.in_place());
  BOOST_TEST(view.blocks.size() == blocks);
  BOOST_TEST_REQUIRE(!view.blocks.empty());
  BOOST_TEST(elements(view) == elements(stored.copied()));
}

void check_gathered_only(const Stored& stored) {
  BOOST_TEST(stored.in_place().blocks.empty());
  const WeightView copy = stored.copied();
  BOOST_TEST(!copy.in_place());
  check_tiling(copy);
}

/// Two row-parallel ranks: each holds half of the columns.
Transform split_columns(std::int64_t rows, std::int64_t columns) {
  const View whole({rows, columns});
  const std::int64_t half = columns / 2;
  std::vector<Operand> operands;
  for (const std::int64_t rank : {0, 1}) {
    operands.push_back(
        {"rank", {rows, half}, {zip(View({rows, half}), whole.slice(1, rank * half, half))}, ""});
  }
  return custom("ranks", operands, {rows, columns}, {});
}

}  // namespace

BOOST_AUTO_TEST_CASE(stored_as_needed) {
  check_in_place(column("w", {24, 64}), 1);
  check_in_place(column("w", {5, 3}), 1);
}

BOOST_AUTO_TEST_CASE(query_groups_interleave_three_tensors) {
  check_in_place(qkv("{q,k,v}", {8, 2, 4}, {40}), 6);
  check_in_place(fused_qkv("c", {6, 3, 2}, {64}), 9);
}

BOOST_AUTO_TEST_CASE(gate_and_up) { check_in_place(gated("{g,u}", 12, {48}), 2); }

BOOST_AUTO_TEST_CASE(row_parallel_ranks_are_column_blocks) {
  check_in_place(split_columns(10, 128), 2);
  const WeightView view = Stored(split_columns(10, 128)).in_place();
  BOOST_TEST(view.blocks[1].column == 64);
  BOOST_TEST(view.blocks[1].rows == 10);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_in_place_is_gathered) {
  check_gathered_only(Stored(transposed(column("w", {24, 64}))));
  check_gathered_only(Stored(split_columns(10, 16)));             // runs too short
  check_gathered_only(Stored(column("w", {24, 64}), 33));         // misaligned
  check_gathered_only(Stored(column("w", {24, 64}), 64, false));  // not mapped
  Stored truncated(column("w", {24, 64}));
  truncated.plan.terms[0].byte_offset += 2;  // one element beyond the end of the file
  BOOST_TEST(truncated.in_place().blocks.empty());
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_transposed_matrix_is_the_matrix) {
  const WeightView copy = Stored(transposed(column("w", {3, 5}))).copied();  // stored [5, 3]
  const std::vector<std::uint16_t> expected{0, 3, 6, 9, 12, 1, 4, 7, 10, 13, 2, 5, 8, 11, 14};
  BOOST_TEST(elements(copy) == expected);
}

BOOST_AUTO_TEST_CASE(slices_of_rows) {
  const Stored stored(qkv("{q,k,v}", {8, 2, 4}, {40}));
  const WeightView view = stored.in_place();
  const auto all = elements(view);
  for (const auto& [begin, count] : {std::pair{0, 48}, {3, 30}, {16, 4}, {47, 1}}) {
    const auto part = elements(row_slice(view, begin, count));
    BOOST_TEST(part ==
               std::vector<std::uint16_t>(all.begin() + begin * 40, all.begin() + (begin + count) * 40));
  }
}

BOOST_AUTO_TEST_CASE(other_types_become_float) {
  Stored stored(column("w", {2, 2}));
  stored.plan.source_dtype = DType::f64;
  stored.plan.elements = 1;  // the eight bytes of the four numbers are one double
  stored.plan.terms[0].box = run_box(0, 0, 1);
  const WeightView copy = gathered(stored.plan, 1, 1);
  BOOST_TEST((copy.blocks[0].dtype == DType::f32));
  BOOST_TEST(view_in_place(stored.plan, 1, 1).blocks.empty());
}

BOOST_AUTO_TEST_SUITE_END()
