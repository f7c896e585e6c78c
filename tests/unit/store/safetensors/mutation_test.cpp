// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/store/safetensors/safetensors.hpp"
#include "store/safetensors/safetensors_file.hpp"

BOOST_AUTO_TEST_SUITE(mutated_headers)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// Changes, removes, doubles or inserts a few bytes, mostly ones that mean something in JSON.
std::string mutate(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "{}[]\",:0123456789-.eE \\u\x00\xff\x80naFB";
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
    const std::size_t at = below(text.size());
    switch (below(4)) {
      case 0: text[at] = kBytes[below(kBytes.size())]; break;
      case 1: text.erase(at, 1 + below(4)); break;
      case 2: text.insert(at, 1, kBytes[below(kBytes.size())]); break;
      default: text.insert(at, text.substr(below(text.size()), 1 + below(40))); break;
    }
    if (text.empty()) text = "{";
  }
  return text;
}

}  // namespace

/// Whatever comes in, the parser throws InputError or gives tensors that tile the data.
BOOST_AUTO_TEST_CASE(are_refused_or_consistent) {
  const std::string header =
      header_of({R"("__metadata__":{"format":"pt"})", entry("a", "F32", "[2,3]", "[0,24]"),
                 entry("b", "BF16", "[4]", "[24,32]"), entry("c", "I64", "[]", "[32,40]")});
  std::mt19937 random(20250101);
  int refused = 0, accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string mutated = mutate(header, random);
    try {
      const std::vector<StoredTensor> parsed = parse_safetensors_header(mutated, nullptr, 8, 40, "f");
      ++accepted;
      std::uint64_t end = 8;
      for (const StoredTensor& one : parsed) {
        BOOST_REQUIRE_EQUAL(one.chunks[0].byte_offset, end);
        end += static_cast<std::uint64_t>(numel(one.shape)) * size_of(one.dtype);
      }
      BOOST_REQUIRE_EQUAL(end, 48u);
    } catch (const InputError&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 10'000);
  BOOST_TEST(accepted > 100);  // changed names, spaces
}

BOOST_AUTO_TEST_SUITE_END()
