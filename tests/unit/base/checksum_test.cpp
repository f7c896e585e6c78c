// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/checksum.hpp"

#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(checksum)

using namespace mhub;

namespace {

std::string checksum_in_pieces(std::span<const std::byte> data, std::size_t piece) {
  Checksum checksum;
  for (std::size_t at = 0; at < data.size(); at += piece)
    checksum.update(data.subspan(at, std::min(piece, data.size() - at)));
  return checksum.hex();
}

}  // namespace

BOOST_AUTO_TEST_CASE(matches_xxhsum) {
  BOOST_TEST(Checksum().hex() == "99aa06d3014798d86001c324468d497f");
  const std::string text = "mhub";
  BOOST_TEST(checksum_in_pieces(std::as_bytes(std::span(text)), 4) == "043de14c2343a62cd3899aeb81a8ddfc");
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_how_the_stream_is_cut) {
  std::vector<std::byte> data(10'000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * i >> 3);
  const std::string whole = checksum_in_pieces(data, data.size());
  for (const std::size_t piece : {1u, 7u, 64u, 255u, 256u, 1024u, 9'999u})
    BOOST_TEST(checksum_in_pieces(data, piece) == whole);
  data[5'000] ^= std::byte{1};
  BOOST_TEST(checksum_in_pieces(data, data.size()) != whole);
}

BOOST_AUTO_TEST_SUITE_END()
