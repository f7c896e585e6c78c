// SPDX-License-Identifier: Apache-2.0
// A file has one job and at most 400 lines; the length of functions is clang-tidy's
// (readability-function-size in .clang-tidy).
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(sizes)

namespace fs = std::filesystem;

namespace {

const fs::path kRepository = MHUB_REPOSITORY;
constexpr std::ptrdiff_t kMostLines = 400;

bool is_source(const fs::path& file) {
  constexpr const char* kExtensions[] = {".hpp", ".cpp", ".c", ".cu", ".cuh", ".py", ".sh"};
  return std::find(std::begin(kExtensions), std::end(kExtensions), file.extension()) != std::end(kExtensions);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_source_file_is_short_and_says_its_licence) {
  int files = 0;
  for (const char* folder : {"core", "plugins", "converters", "examples", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRepository / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      ++files;
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      const auto lines = std::count(text.begin(), text.end(), '\n');
      BOOST_CHECK_MESSAGE(lines <= kMostLines, entry.path().string() << " has " << lines << " lines, of "
                                                                     << kMostLines << " at most");
      BOOST_CHECK_MESSAGE(
          text.substr(0, 200).find("SPDX-License-Identifier: Apache-2.0") != std::string::npos,
          entry.path().string() << " has no SPDX line");
    }
  }
  BOOST_CHECK_GT(files, 400);
}

/// A dump of nlohmann's throws for what is no UTF-8, as names of files may be.
BOOST_AUTO_TEST_CASE(json_is_written_in_one_place) {
  for (const char* folder : {"core", "plugins", "converters"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRepository / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      const bool dumps = text.find(".dump(") != std::string::npos;
      BOOST_CHECK_MESSAGE(dumps == (entry.path() == kRepository / "core/base/json.cpp"),
                          entry.path().string() << ": .dump( instead of json_text");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
