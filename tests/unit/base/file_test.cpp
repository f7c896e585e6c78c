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
