// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/block_cache.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"

BOOST_AUTO_TEST_SUITE(block_cache)

using namespace mhub;

namespace {

/// Byte k is k modulo 251; says how often and how much was fetched.
struct Far final : BlockSource {
  std::uint64_t size() const override { return length; }
  void fetch(std::uint64_t begin, std::uint64_t end, std::vector<std::byte>& out) const override {
    ++requests;
    bytes += end - begin;
    if (begin <= broken && broken < end) throw IoError("far: broken");
    for (std::uint64_t k = begin; k < end; ++k) out.push_back(static_cast<std::byte>(k % 251));
  }
  std::uint64_t front() const override { return known; }
  std::uint64_t length = 10'007, known = 0;
  mutable std::atomic<std::uint64_t> requests = 0, bytes = 0;
  std::uint64_t broken = ~std::uint64_t{0};
};

void check_read(BlockCache& cache, const Far& far, std::uint64_t offset, std::size_t count) {
  std::vector<std::byte> out(count);
  cache.read(far, offset, out);
  for (std::size_t k = 0; k < count; ++k) BOOST_REQUIRE(out[k] == static_cast<std::byte>((offset + k) % 251));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_is_fetched_once_in_blocks) {
  const Far far;
  BlockCache cache(3, 1000, 100);
  for (std::uint64_t at = 0; at < far.size(); at += 77)
    check_read(cache, far, at, static_cast<std::size_t>(std::min<std::uint64_t>(77, far.size() - at)));
  check_read(cache, far, 10'007, 0);
  BOOST_TEST(far.requests == 11U);
  BOOST_TEST(far.bytes == far.size());
}

BOOST_AUTO_TEST_CASE(what_was_read_whole_is_let_go) {
  Far far;
  far.length = 2000;
  BlockCache cache(2, 1000, 100);
  for (int round = 0; round < 2; ++round) {
    check_read(cache, far, 0, 500);
    check_read(cache, far, 1000, 400);
    check_read(cache, far, 500, 500);  // the end of block 0
    check_read(cache, far, 1400, 600);
  }
  BOOST_TEST(far.requests == 4U);
}

BOOST_AUTO_TEST_CASE(what_nobody_asks_for_is_not_waited_for) {
  Far far;
  far.length = 1000;
  far.known = 300;
  BlockCache cache(1, 1000, 100);
  for (int round = 0; round < 3; ++round) check_read(cache, far, 300, 700);
  BOOST_TEST(far.requests == 3U);
}

BOOST_AUTO_TEST_CASE(what_is_read_here_and_there_brings_no_neighbours) {
  const Far far;
  {
    BlockCache cache(3, 1000, 100);
    check_read(cache, far, 5500, 10);
    check_read(cache, far, 8500, 10);
  }
  BOOST_TEST(far.requests == 2U);
}

BOOST_AUTO_TEST_CASE(only_so_many_blocks_are_kept) {
  const Far far;
  BlockCache cache(1, 1000, 2);
  for (int round = 0; round < 3; ++round) {
    for (const std::uint64_t at : {9000, 7000, 5000, 3000}) check_read(cache, far, at, 5);
  }
  BOOST_TEST(far.requests == 12U);
}

BOOST_AUTO_TEST_CASE(memory_is_used_again) {
  SpareBuffers buffers;
  std::vector<std::byte> first(1000);
  const std::byte* const memory = first.data();
  SpareBuffers::Bytes held = buffers.shared(std::move(first));
  BOOST_TEST(buffers.take().capacity() == 0U);
  held.reset();
  const std::vector<std::byte> again = buffers.take();
  BOOST_TEST(again.empty());
  BOOST_TEST(again.capacity() == 1000U);
  BOOST_TEST((again.data() == memory));
}

BOOST_AUTO_TEST_CASE(many_read_at_once) {
  const Far far;
  BlockCache cache(4, 500, 3);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (std::uint64_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::byte> out(333);
      for (std::uint64_t k = 0; k < 60; ++k) {
        const std::uint64_t at = (t * 1543 + k * 331) % (far.size() - out.size());
        cache.read(far, at, out);
        for (std::size_t i = 0; i < out.size(); ++i)
          wrong += out[i] == static_cast<std::byte>((at + i) % 251) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(an_error_reaches_who_reads) {
  Far far;
  far.broken = 2500;
  BlockCache cache(2, 1000, 10);
  check_read(cache, far, 1000, 1000);
  std::vector<std::byte> out(10);
  BOOST_CHECK_THROW(cache.read(far, 2000, out), IoError);
  check_read(cache, far, 4000, 100);
}

BOOST_AUTO_TEST_SUITE_END()
