// SPDX-License-Identifier: Apache-2.0
// Tokens that see each other (Segment::together), against plain loops in double.
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/generation.hpp"
#include "runtime/random_values.hpp"

BOOST_AUTO_TEST_SUITE(together)

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

constexpr std::int64_t kDim = 8;

/// What token t sees of a sequence.
std::pair<std::int64_t, std::int64_t> seen(std::int64_t t, std::int64_t window,
                                           const std::vector<TokenSpan>& together) {
  std::int64_t first = window > 0 ? std::max<std::int64_t>(0, t - window + 1) : 0, end = t + 1;
  for (const TokenSpan& span : together) {
    if (span.begin <= t && t < span.end) {
      first = std::min(first, span.begin);
      end = span.end;
    }
  }
  return {first, end};
}

/// Attention of one head; rows are [query, key, value].
std::vector<double> expected(const std::vector<float>& rows, std::int64_t window,
                             const std::vector<TokenSpan>& together) {
  const auto count = static_cast<std::int64_t>(rows.size()) / (3 * kDim);
  const auto at = [&](std::int64_t token, std::int64_t part, std::int64_t c) {
    return static_cast<double>(rows[static_cast<std::size_t>((token * 3 + part) * kDim + c)]);
  };
  std::vector<double> out;
  for (std::int64_t t = 0; t < count; ++t) {
    const auto [first, end] = seen(t, window, together);
    std::vector<double> sums(kDim, 0.0);
    double total = 0;
    for (std::int64_t key = first; key < end; ++key) {
      double score = 0;
      for (std::int64_t c = 0; c < kDim; ++c) score += at(t, 0, c) * at(key, 1, c);
      const double weight = std::exp(0.5 * score);
      total += weight;
      for (std::int64_t c = 0; c < kDim; ++c) sums[static_cast<std::size_t>(c)] += weight * at(key, 2, c);
    }
    for (const double sum : sums) out.push_back(sum / total);
  }
  return out;
}

void check(const std::vector<std::int64_t>& pieces, std::int64_t window,
           const std::vector<TokenSpan>& together) {
  const std::unique_ptr<Backend> backend = make_cpu_backend({2, nullptr});
  std::int64_t count = 0, done = 0;
  for (const std::int64_t piece : pieces) count += piece;
  std::vector<float> rows = random_values(count * 3 * kDim, 5);
  const std::vector<double> wanted = expected(rows, window, together);
  LayerCache cache(1, kDim, kDim, [&](std::int64_t floats) { return backend->allocate_cache_page(floats); });
  AttentionOptions options;
  options.scale = 0.5F;
  options.window = window;
  for (const std::int64_t piece : pieces) {
    float* first = rows.data() + done * 3 * kDim;
    const auto heads = [&](std::int64_t part) {
      return Heads{first + part * kDim, piece, 3 * kDim, 1, kDim, 1, kDim, kDim};
    };
    std::vector<float> out(static_cast<std::size_t>(piece * kDim));
    const Segment segment{0, piece, done, &cache, together};
    backend->attend(options, heads(0), heads(1), heads(2), {&segment, 1}, {out.data(), piece, kDim, kDim});
    for (std::size_t k = 0; k < out.size(); ++k)
      BOOST_TEST(std::abs(out[k] - wanted[static_cast<std::size_t>(done * kDim) + k]) < 1e-5,
                 "window " << window << ", token " << done + static_cast<std::int64_t>(k) / kDim);
    done += piece;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_picture_sees_itself_and_what_is_before) {
  for (const std::int64_t window : {0, 3, 100}) {
    check({12}, window, {});
    check({12}, window, {{0, 12}});
    check({12, 1, 1}, window, {{2, 6}, {6, 9}});
    check({4, 9, 1}, window, {{5, 13}});
    // Over several pages of the cache.
    check({150, 70, 1}, window, {{10, 140}, {160, 220}});
  }
}

BOOST_AUTO_TEST_CASE(pieces_of_a_prompt_do_not_cut_a_picture) {
  const std::vector<TokenSpan> together{{5, 20}, {20, 31}};
  BOOST_TEST(piece_end(0, 4, 40, together) == 4U);
  BOOST_TEST(piece_end(0, 5, 40, together) == 5U);
  BOOST_TEST(piece_end(0, 6, 40, together) == 20U);
  BOOST_TEST(piece_end(0, 20, 40, together) == 20U);
  BOOST_TEST(piece_end(20, 4, 40, together) == 31U);
  BOOST_TEST(piece_end(31, 100, 40, together) == 40U);
}

BOOST_AUTO_TEST_SUITE_END()
