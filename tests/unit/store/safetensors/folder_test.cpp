// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/store/safetensors/safetensors.hpp"
#include "store/safetensors/safetensors_file.hpp"

BOOST_AUTO_TEST_SUITE(open_folder)

using namespace mhub;
using namespace mhub::tests;

namespace {

constexpr const char* kIndex = "model.safetensors.index.json";

/// Two shards with tensor "a" and "b" and an index with this weight map.
struct Model {
  TemporaryFolder folder;

  explicit Model(const std::string& weight_map) {
    shard("1.safetensors", "a");
    shard("2.safetensors", "b");
    write_file(folder.file(kIndex), R"({"metadata":{"total_size":2},"weight_map":)" + weight_map + "}");
  }
  void shard(const std::string& file, const std::string& tensor) const {
    write_file(folder.file(file), safetensors_bytes(header_of({entry(tensor, "U8", "[1]", "[0,1]")}), 1));
  }
  void check_refused(const std::string& part, const std::string& other) const {
    BOOST_CHECK_EXCEPTION(kSafetensors.open(folder.path()), InputError, message_has(part, other));
  }
};

constexpr const char* kGood = R"({"a":"1.safetensors","b":"2.safetensors"})";

}  // namespace

BOOST_AUTO_TEST_CASE(opens_shards) {
  const Model model(kGood);
  const TensorSource opened = kSafetensors.open(model.folder.path());
  BOOST_TEST(opened.tensors().size() == 2u);
}

BOOST_AUTO_TEST_CASE(prefers_the_single_file) {
  const Model model(kGood);
  model.shard("model.safetensors", "c");
  const TensorSource source = kSafetensors.open(model.folder.path());
  BOOST_REQUIRE(source.tensors().size() == 1u);
  BOOST_TEST(source.tensors()[0].name == "c");
}

BOOST_AUTO_TEST_CASE(names_a_missing_shard) {
  const Model model(kGood);
  std::filesystem::remove(model.folder.file("2.safetensors"));
  model.check_refused(model.folder.file("2.safetensors") + ": missing", kIndex);
}

BOOST_AUTO_TEST_CASE(refuses_an_index_that_disagrees_with_the_shards) {
  Model(R"({"a":"1.safetensors","b":"2.safetensors","c":"2.safetensors"})")
      .check_refused("tensor c is missing", kIndex);
  Model(R"({"a":"1.safetensors","c":"2.safetensors"})").check_refused("tensor b is not listed", kIndex);
  Model(R"({"a":"2.safetensors","b":"1.safetensors"})").check_refused("is not listed for this file", kIndex);
}

BOOST_AUTO_TEST_CASE(refuses_a_tensor_that_is_in_two_shards) {
  const Model model(R"({"a":"1.safetensors","b":"2.safetensors"})");
  std::filesystem::remove(model.folder.file("2.safetensors"));
  model.shard("2.safetensors", "a");
  model.check_refused("tensor a", "2.safetensors");
}

BOOST_AUTO_TEST_CASE(refuses_paths_out_of_the_folder) {
  for (const char* path :
       {"../1.safetensors", "/etc/passwd", "sub/1.safetensors", "..", ".", "", "1.safetensors/"}) {
    Model(R"({"a":")" + std::string(path) + R"("})").check_refused("tensor a: expected a file name", kIndex);
  }
}

BOOST_AUTO_TEST_CASE(refuses_an_index_of_another_form) {
  for (const char* map : {"[]", "null", "1", R"({"a":1})", R"({"a":["1.safetensors"]})",
                          R"({"a":"x","a":"y"})", "{", R"({"a":"x"}})"}) {
    Model(map).check_refused(kIndex, "");
  }
}

BOOST_AUTO_TEST_SUITE_END()
