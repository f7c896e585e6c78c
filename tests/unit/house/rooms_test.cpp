// SPDX-License-Identifier: Apache-2.0
// The rooms of the house: each uses those below it, and none above.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(rooms)

namespace fs = std::filesystem;

namespace {

const fs::path kRepository = MHUB_REPOSITORY;

/// From the bottom up; core/README.md says what each is. What stands above core/ comes last.
constexpr std::array<std::string_view, 16> kRooms{
    "base", "tensor", "store", "mapping", "config",  "plugin",  "rules",      "megatron",
    "text", "image",  "hub",   "formats", "convert", "runtime", "pretrained", "converters"};

std::ptrdiff_t height(std::string_view room) {
  const auto* const at = std::find(kRooms.begin(), kRooms.end(), room);
  BOOST_REQUIRE_MESSAGE(at != kRooms.end(), "room " << room << " is not in the list of rooms");
  return at - kRooms.begin();
}

/// Checks the includes of one file that belongs to `room`; returns how many of ours it has.
int check_file(const fs::path& file, std::string_view room) {
  std::ifstream in(file);
  int own = 0;
  for (std::string line; std::getline(in, line);) {
    const std::size_t at = line.find("#include \"mhub/");
    if (at != 0) continue;
    ++own;
    const std::string path = line.substr(std::string_view("#include \"mhub/").size());
    const std::string used = path.substr(0, path.find('/'));
    BOOST_CHECK_MESSAGE(height(used) <= height(room),
                        file.string() << ": room " << room << " imports upwards: " << line);
  }
  return own;
}

bool is_source(const fs::path& file) { return file.extension() == ".hpp" || file.extension() == ".cpp"; }

}  // namespace

BOOST_AUTO_TEST_CASE(no_room_imports_upwards) {
  int own = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kRepository / "core")) {
    if (!is_source(entry.path())) continue;
    const fs::path inside = fs::relative(entry.path(), kRepository / "core");
    own += check_file(entry.path(), inside.begin()->string());
  }
  for (const auto& entry : fs::recursive_directory_iterator(kRepository / "converters")) {
    if (is_source(entry.path())) own += check_file(entry.path(), "converters");
  }
  BOOST_CHECK_GT(own, 500);
}

BOOST_AUTO_TEST_CASE(every_room_has_a_line_in_the_map) {
  std::ifstream in(kRepository / "core/README.md");
  const std::string map{std::istreambuf_iterator<char>(in), {}};
  for (const auto& entry : fs::directory_iterator(kRepository / "core")) {
    const std::string room = entry.path().filename().string();
    if (!entry.is_directory() || room == "cmake") continue;
    height(room);
    BOOST_CHECK_MESSAGE(map.find("| " + room + "/ |") != std::string::npos,
                        "core/README.md has no row for " << room);
  }
}

/// What stands above the rooms has folders too: the command, its recipes, this house, and facts about peers.
constexpr std::array<std::string_view, 5> kAbove{"cli", "recipe", "batch", "house", "golden"};

BOOST_AUTO_TEST_CASE(unit_tests_mirror_the_rooms) {
  for (const auto& entry : fs::directory_iterator(kRepository / "tests/unit")) {
    const std::string folder = entry.path().filename().string();
    if (std::find(kAbove.begin(), kAbove.end(), folder) != kAbove.end()) continue;
    BOOST_CHECK_MESSAGE(fs::is_directory(kRepository / "core" / folder),
                        "tests/unit/" << folder << " is no room of core/");
  }
}

BOOST_AUTO_TEST_SUITE_END()
