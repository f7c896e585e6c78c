// SPDX-License-Identifier: Apache-2.0
// Patches of a picture and their places, with what transformers 5.12.1 computes (vision_utils.py:
// get_vision_window_index, get_vision_bilinear_indices_and_weights; get_rope_index of
// modeling_qwen2_5_vl.py).
#include "mhub/runtime/patch_order.hpp"

#include <cmath>
#include <numeric>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/runtime/rotary.hpp"

using namespace mhub;
using namespace mhub::runtime;

BOOST_AUTO_TEST_SUITE(patch_order)

BOOST_AUTO_TEST_CASE(windows_of_squares) {
  // grid_thw (1, 6, 10), spatial_merge_size 2, window_size 56, patch_size 14.
  const PatchOrder order({1, 6, 10, 2}, 2);
  const std::vector<std::int64_t> windows{16, 16, 8, 8, 8, 4};
  BOOST_TEST(order.windows() == windows, boost::test_tools::per_element());
  std::vector<float> rows(60);
  std::iota(rows.begin(), rows.end(), 0.0F);
  std::vector<float> squares;
  const std::vector<float> sorted = order.sorted(rows);
  for (std::size_t k = 0; k < sorted.size(); k += 4) squares.push_back(sorted[k] / 4);
  const std::vector<float> expected{0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14};
  BOOST_TEST(squares == expected, boost::test_tools::per_element());
  BOOST_TEST(order.restored(sorted) == rows, boost::test_tools::per_element());
  // The fifth square is the second of the second row: rows 2 and 3, columns 0 and 1.
  BOOST_TEST(order.places()[8].row == 2);
  BOOST_TEST(order.places()[11].row == 3);
  BOOST_TEST(order.places()[11].column == 1);
}

BOOST_AUTO_TEST_CASE(without_windows_the_grid_s_own_order) {
  const PatchOrder order({1, 2, 3, 1}, 0);
  BOOST_TEST(order.windows().size() == 1U);
  const std::vector<float> rows{5, 4, 3, 2, 1, 0};
  BOOST_TEST(order.sorted(rows) == rows, boost::test_tools::per_element());
  BOOST_TEST(order.places()[4].row == 1);
  BOOST_TEST(order.places()[4].column == 1);
}

BOOST_AUTO_TEST_CASE(patches_are_a_convolution_s_rows) {
  std::vector<float> tile(3 * 4 * 2);  // 4 rows, 2 columns
  std::iota(tile.begin(), tile.end(), 0.0F);
  const std::vector<float> patches = patches_of(tile, 2, {1, 2, 1, 1}, 2);
  const std::vector<float> expected{0, 1, 2, 3, 8,  9,  10, 11, 16, 17, 18, 19,
                                    4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23};
  BOOST_TEST(patches == expected, boost::test_tools::per_element());
  // 2 rows and 4 columns of pixels, patches of 2: as torch's Conv2d(stride=2); of 3 rows the last is left
  // out.
  std::vector<float> taller(3 * 3 * 2);
  std::iota(taller.begin(), taller.end(), 0.0F);
  const std::vector<float> kept{0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15};
  BOOST_TEST(patches_of(taller, 2, {1, 1, 1, 1}, 2) == kept, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(positions_between_those_of_a_square) {
  // grid_thw (1, 4, 6), num_grid_per_side 3, spatial_merge_size 2; the table is k^2.
  std::vector<float> table;
  for (int k = 0; k < 9; ++k) table.push_back(static_cast<float>(k * k));
  const std::vector<float> found = interpolated(table, 3, 1, PatchOrder({1, 4, 6, 2}, 0));
  const std::vector<float> expected{0.0F,
                                    0.4000000059604645F,
                                    6.0F,
                                    8.0F,
                                    0.800000011920929F,
                                    1.6000001430511475F,
                                    10.0F,
                                    12.399999618530273F,
                                    2.8000001907348633F,
                                    4.0F,
                                    15.200000762939453F,
                                    18.000001907348633F,
                                    17.999998092651367F,
                                    21.599998474121094F,
                                    36.0F,
                                    41.20000076293945F,
                                    25.19999885559082F,
                                    29.199996948242188F,
                                    46.400001525878906F,
                                    52.0F,
                                    33.599998474121094F,
                                    37.999996185302734F,
                                    58.0F,
                                    64.0F};
  BOOST_TEST(found == expected, boost::test_tools::tolerance(1e-6F) << boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_picture_s_tokens_share_their_place) {
  // Two tokens, a picture of 2 rows and 3 columns, one token, a picture of one row of 2, two tokens.
  const std::vector<TokenGrid> pictures{{2, 2, 3}, {9, 1, 2}};
  const std::vector<TokenPosition> expected{{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {2, 2, 3}, {2, 2, 4},
                                            {2, 3, 2}, {2, 3, 3}, {2, 3, 4}, {5, 5, 5}, {6, 6, 6},
                                            {6, 6, 7}, {8, 8, 8}, {9, 9, 9}};
  BOOST_TEST((token_positions(0, 13, pictures) == expected));
  for (std::int64_t first = 0; first < 13; ++first)
    BOOST_TEST((token_positions(first, 1, pictures).front() == expected[static_cast<std::size_t>(first)]));
}

BOOST_AUTO_TEST_CASE(pairs_turn_with_different_positions) {
  TransformerConfig config;
  config.kv_channels = 16;
  const std::vector<TokenPosition> token{{1, 10, 100}};
  auto turns = [&](const MultiAxisRotary& axes) {
    const Rotary rotary(config, axes);
    RotaryAngles angles;
    rotary.append(token, 1, angles);
    std::vector<int> of;
    const std::vector<float> frequencies = rotary.frequencies(1);
    for (std::size_t k = 0; k < frequencies.size(); ++k) {
      for (const int position : {1, 10, 100}) {
        if (angles.sin[k] == std::sin(static_cast<float>(position) * frequencies[k])) of.push_back(position);
      }
    }
    return of;
  };
  const std::vector<int> apart{1, 1, 10, 10, 10, 100, 100, 100}, mixed{1, 10, 100, 1, 10, 100, 1, 1};
  BOOST_TEST(turns({{2, 3, 3}, false}) == apart, boost::test_tools::per_element());
  BOOST_TEST(turns({{4, 2, 2}, true}) == mixed, boost::test_tools::per_element());
  BOOST_CHECK_THROW(Rotary(config, MultiAxisRotary{{2, 3, 4}, false}), InputError);
}

/// What torch 2's grid_sample and interpolate give of a table k^2.
BOOST_AUTO_TEST_CASE(positions_of_a_stretched_square) {
  std::vector<float> table;
  for (int k = 0; k < 9; ++k) table.push_back(static_cast<float>(k * k));
  const std::vector<float> found = bicubic(table, 3, 1, PatchOrder({1, 4, 6, 2}, 0));
  const std::vector<float> expected{-0.70604F, -0.60733F, 2.3498F,   3.52005F,  -0.47663F, 0.5655F,
                                    5.37084F,  8.80983F,  1.93058F,  2.76366F,  11.89499F, 13.79961F,
                                    18.68242F, 21.52781F, 36.52148F, 40.43839F, 26.06764F, 33.25365F,
                                    46.69832F, 56.28118F, 39.02786F, 42.60761F, 63.77547F, 68.42677F};
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) BOOST_TEST(std::abs(found[k] - expected[k]) < 1e-4F, k);
}

BOOST_AUTO_TEST_CASE(fewer_features_between_those_there_are) {
  std::vector<float> features;
  for (int k = 0; k < 20; ++k) features.push_back(static_cast<float>(k * k));
  const std::vector<float> found = bilinear(features, {1, 4, 5, 1}, {1, 3, 2, 1}, 1);
  const std::vector<float> expected{6.16667F, 20.33333F, 74.5F, 122.0F, 226.16669F, 307.00003F};
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) BOOST_TEST(std::abs(found[k] - expected[k]) < 1e-3F, k);
}

BOOST_AUTO_TEST_SUITE_END()
