// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/file.hpp"

#include <array>
#include <filesystem>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"

using namespace mhub;
using namespace mhub::tests;

BOOST_AUTO_TEST_SUITE(file)

BOOST_AUTO_TEST_CASE(reads_what_was_written_in_any_order) {
  const TemporaryFolder folder;
  OutputFile output(folder.file("a"));
  output.write(3, std::as_bytes(std::span("def", 3)));
  output.write(0, std::as_bytes(std::span("abc", 3)));
  output.close();
  BOOST_TEST(read_file(folder.file("a"), 6) == "abcdef");
  const InputFile input(folder.file("a"));
  BOOST_TEST(input.size() == 6u);
  BOOST_TEST(input.map().size() == 6u);
  std::array<std::byte, 2> two{};
  input.read(4, two);
  BOOST_TEST((two[0] == std::byte{'e'}));
}

/// Whether blocks are shared or not is the file system's business: what was not, must be written.
BOOST_AUTO_TEST_CASE(shares_whole_blocks_or_none) {
  const TemporaryFolder folder;
  std::string content(40 * kFileBlock, '\0');
  for (std::size_t k = 0; k < content.size(); ++k) content[k] = static_cast<char>(k * 31 + k / kFileBlock);
  write_file(folder.file("a"), content);
  const InputFile input(folder.file("a"));
  OutputFile output(folder.file("b"));
  const std::uint64_t from = kFileBlock + 100, size = 20 * kFileBlock, at = 5 * kFileBlock + 100;
  BOOST_TEST(output.share(at + 1, input, from, size).size() == 0U);
  BOOST_TEST(output.share(at, input, from, kFileBlock).size() == 0U);
  const ByteRange shared = output.share(at, input, from, size);
  BOOST_TEST((shared.size() == 0 || (shared.begin == 6 * kFileBlock && shared.end == 25 * kFileBlock)));
  const auto bytes = std::as_bytes(std::span(content)).subspan(from, size);
  output.write(at, bytes.first(shared.begin - at));
  output.write(shared.end, bytes.subspan(shared.end - at));
  output.close();
  BOOST_TEST(read_file(folder.file("b"), 1 << 20).substr(at) == content.substr(from, size));
}

BOOST_AUTO_TEST_CASE(a_phase_is_reached_within_a_block) {
  for (const std::uint64_t offset : {0U, 1U, 4095U, 4096U, 10000U}) {
    for (const int phase : {0, 1, 8, 4095}) {
      const std::uint64_t found = at_phase(offset, phase);
      BOOST_TEST(found % kFileBlock == static_cast<std::uint64_t>(phase));
      BOOST_TEST((found >= offset && found < offset + kFileBlock));
    }
  }
}

BOOST_AUTO_TEST_CASE(names_a_file_that_became_shorter) {
  const TemporaryFolder folder;
  write_file(folder.file("a"), std::string("abcdef"));
  const InputFile input(folder.file("a"));
  std::filesystem::resize_file(folder.file("a"), 3);
  std::array<std::byte, 6> out{};
  BOOST_CHECK_EXCEPTION(input.read(0, out), IoError, message_has(folder.file("a"), "ends at byte 3"));
}

BOOST_AUTO_TEST_CASE(never_overwrites) {
  const TemporaryFolder folder;
  write_file(folder.file("a"), std::string("x"));
  BOOST_CHECK_EXCEPTION(OutputFile(folder.file("a")), IoError, message_has(folder.file("a")));
}

BOOST_AUTO_TEST_CASE(refuses_folders_and_missing_files) {
  const TemporaryFolder folder;
  BOOST_CHECK_THROW(InputFile(folder.path()), InputError);
  BOOST_CHECK_EXCEPTION(InputFile(folder.file("none")), IoError, message_has("none"));
}

BOOST_AUTO_TEST_SUITE_END()
