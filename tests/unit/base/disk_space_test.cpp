// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/disk_space.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(disk_space)

BOOST_AUTO_TEST_CASE(prints_sizes_for_people) {
  BOOST_TEST(human_bytes(0) == "0 B");
  BOOST_TEST(human_bytes(999) == "999 B");
  BOOST_TEST(human_bytes(1'500) == "1.50 kB");
  BOOST_TEST(human_bytes(141'107'412'992) == "141.11 GB");
  BOOST_TEST(human_bytes(18'446'744'073'709'551'615u) == "18446744.07 TB");
}

BOOST_AUTO_TEST_CASE(a_folder_is_the_sum_of_its_files) {
  const tests::TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("inner"));
  write_file(folder.file("a"), std::string(10, 'a'));
  write_file(folder.file("inner/b"), std::string(20, 'b'));
  BOOST_TEST(used_space(folder.path()) == 30u);
  BOOST_TEST(used_space(folder.file("none")) == 0u);
  BOOST_TEST(free_space(folder.file("none/deeper")) > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
