// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <boost/test/unit_test.hpp>

#include "mhub/store/hdf5/chunks.hpp"

BOOST_AUTO_TEST_SUITE(row_chunks)

using namespace mhub;

namespace {

void check_consistent(const RowChunks& chunks, const Shape& shape, std::uint64_t element) {
  std::uint64_t end = 0;
  for (std::uint64_t k = 0; k < chunks.count(); ++k) {
    const RowChunks::Part part = chunks.part(k);
    BOOST_REQUIRE_EQUAL(part.begin, end);
    BOOST_REQUIRE(part.bytes > 0 && part.bytes <= chunks.chunk_bytes());
    end += part.bytes;
    BOOST_REQUIRE_EQUAL(chunks.part_at(part.begin).chunk, k);
    BOOST_REQUIRE_EQUAL(chunks.part_at(end - 1).chunk, k);
    // The first element of the part is the first of the chunk.
    const Index origin = chunks.origin(k), strides = row_major_strides(shape);
    std::uint64_t element_number = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
      element_number += static_cast<std::uint64_t>(origin[axis] * strides[axis]);
    BOOST_REQUIRE_EQUAL(element_number * element, part.begin);
    BOOST_REQUIRE(chunks.number(origin) == k);
  }
  BOOST_REQUIRE_EQUAL(end, static_cast<std::uint64_t>(numel(shape)) * element);
}

}  // namespace

BOOST_AUTO_TEST_CASE(tile_the_bytes_in_order) {
  std::mt19937 random(7);
  auto uniform = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int round = 0; round < 2000; ++round) {
    Shape shape(static_cast<std::size_t>(uniform(1, 4)));
    for (std::int64_t& size : shape) size = uniform(1, 7);
    // Any cut of one axis.
    const auto axis = static_cast<std::size_t>(uniform(0, static_cast<std::int64_t>(shape.size()) - 1));
    Shape chunk = shape;
    for (std::size_t k = 0; k < axis; ++k) chunk[k] = 1;
    chunk[axis] = uniform(1, shape[axis]);
    const std::optional<RowChunks> chunks = RowChunks::from(shape, chunk, 2);
    BOOST_REQUIRE(chunks);
    BOOST_TEST(chunks->chunk_shape() == chunk);
    check_consistent(*chunks, shape, 2);
  }
}

BOOST_AUTO_TEST_CASE(are_about_a_megabyte) {
  const std::vector<Shape> shapes{
      {1},          {7},         {3'000'000},     {4096, 4096},    {128, 1'000'003},
      {3, 300'000}, {1, 1, 999}, {5, 3, 200'000}, {700, 2, 2, 77}, {2, 5'000'000}};
  for (const Shape& shape : shapes) {
    const RowChunks chunks = RowChunks::choose(shape, 2);
    check_consistent(chunks, shape, 2);
    const std::uint64_t bytes = static_cast<std::uint64_t>(numel(shape)) * 2;
    BOOST_TEST(chunks.chunk_bytes() <= 1u << 20);
    BOOST_TEST(chunks.chunk_bytes() >= std::min<std::uint64_t>(bytes, 1 << 18));
    // Padding: less than a row for every chunk.
    BOOST_TEST(chunks.chunk_bytes() * chunks.count() <= bytes * 2);
  }
}

BOOST_AUTO_TEST_CASE(grow_with_the_tensor) {
  BOOST_TEST(RowChunks::choose({80, 28672, 8192}, 2).count() <= 1200u);              // 37 GB
  BOOST_TEST(RowChunks::choose({128256, 16384}, 2).count() <= 1100u);                // 4.2 GB
  BOOST_TEST(RowChunks::choose({1000, 57344, 8192}, 2).chunk_bytes() <= 64u << 20);  // 940 GB
}

BOOST_AUTO_TEST_CASE(refuse_other_shapes) {
  BOOST_TEST(!RowChunks::from({4, 4}, {2, 2}, 1));
  BOOST_TEST(!RowChunks::from({4, 4}, {5, 4}, 1));
  BOOST_TEST(!RowChunks::from({4, 4}, {0, 4}, 1));
  BOOST_TEST(!RowChunks::from({4, 4}, {4}, 1));
  BOOST_TEST(!RowChunks::from({}, {}, 1));
  BOOST_TEST(!RowChunks::from({0, 4}, {1, 4}, 1));
  const RowChunks chunks = *RowChunks::from({4, 4}, {3, 4}, 1);
  BOOST_TEST(!chunks.number({1, 0}));
  BOOST_TEST(!chunks.number({-3, 0}));
  BOOST_TEST(!chunks.number({6, 0}));
  BOOST_TEST(!chunks.number({0}));
}

BOOST_AUTO_TEST_SUITE_END()
