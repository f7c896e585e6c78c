// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/store/safetensors/safetensors.hpp"
#include "store/read_tensor.hpp"
#include "store/safetensors/safetensors_file.hpp"

BOOST_AUTO_TEST_SUITE(open_one_file)

using namespace mhub;
using namespace mhub::tests;

namespace {

const std::string kTwoTensors =
    header_of({entry("a", "F32", "[2,3]", "[0,24]"), entry("b", "BF16", "[4]", "[24,32]")});

/// Checks that a file with these bytes is refused with a message that names the file and has `part`.
void check_refused(const std::string& bytes, const std::string& part) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.safetensors");
  write_file(path, bytes);
  BOOST_TEST_CONTEXT("expecting: " << part) {
    BOOST_CHECK_EXCEPTION(kSafetensors.read(path), InputError, message_has(path, part));
  }
}

void check_header_refused(const std::string& header, std::size_t data, const std::string& part) {
  check_refused(safetensors_bytes(header, data), part);
}

}  // namespace

BOOST_AUTO_TEST_CASE(reads_names_types_shapes_and_places) {
  const TemporaryFolder folder;
  std::string bytes = safetensors_bytes(kTwoTensors, 32);
  bytes.back() = 'z';
  write_file(folder.file("x.safetensors"), bytes);
  const TensorSource source(kSafetensors.read(folder.file("x.safetensors")));
  BOOST_REQUIRE_EQUAL(source.tensors().size(), 2u);
  const StoredTensor* b = source.find("b");
  BOOST_REQUIRE(b != nullptr);
  BOOST_TEST((b->dtype == DType::bf16));
  BOOST_TEST(b->shape == Shape{4});
  const std::vector<std::byte> data = read_tensor(*b);
  BOOST_TEST(data.size() == 8u);
  BOOST_TEST((data.back() == std::byte{'z'}));
  BOOST_TEST((source.find("c") == nullptr));
}

BOOST_AUTO_TEST_CASE(accepts_what_the_reference_accepts) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::size_t>> files{
      {"{}", 0},
      {"{}      ", 0},
      {R"({"__metadata__":{"format":"pt"}})", 0},
      {header_of({entry("scalar", "F64", "[]", "[0,8]")}), 8},
      {header_of({entry("empty", "F32", "[0,7]", "[0,0]"), entry("b", "U8", "[1]", "[0,1]")}), 1},
      {header_of({entry("late", "U8", "[1]", "[1,2]"), entry("early", "I8", "[1]", "[0,1]")}), 2},
      {header_of({entry("n\\u00e4me", "BOOL", "[1]", "[0,1]")}), 1},
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string path = folder.file(std::to_string(i));
    write_file(path, safetensors_bytes(files[i].first, files[i].second));
    BOOST_TEST_CONTEXT(files[i].first) { BOOST_CHECK_NO_THROW(kSafetensors.read(path)); }
  }
}

BOOST_AUTO_TEST_CASE(refuses_every_truncation) {
  const TemporaryFolder folder;
  const std::string bytes = safetensors_bytes(kTwoTensors, 32);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string path = folder.file(std::to_string(size));
    write_file(path, bytes.substr(0, size));
    BOOST_CHECK_EXCEPTION(kSafetensors.read(path), InputError, message_has(path));
  }
}

BOOST_AUTO_TEST_CASE(refuses_bytes_behind_the_last_tensor) {
  check_header_refused(kTwoTensors, 33, "33 bytes of data, expected 32");
  check_header_refused("{}", 1, "1 bytes of data, expected 0");
}

BOOST_AUTO_TEST_CASE(refuses_impossible_header_lengths) {
  for (const std::uint64_t length : {std::uint64_t{1} << 60, ~std::uint64_t{0}, std::uint64_t{100'000'001}}) {
    std::string bytes = safetensors_bytes(kTwoTensors, 32);
    std::memcpy(bytes.data(), &length, sizeof length);
    check_refused(bytes, "header claims " + std::to_string(length));
  }
}

BOOST_AUTO_TEST_CASE(refuses_offsets_that_do_not_fit) {
  const std::string first = entry("a", "U8", "[4]", "[0,4]");
  check_header_refused(header_of({first, entry("b", "U8", "[4]", "[2,6]")}), 6,
                       "tensor b: data starts at byte 2");
  check_header_refused(header_of({first, entry("b", "U8", "[4]", "[5,9]")}), 9,
                       "tensor b: data starts at byte 5");
  check_header_refused(header_of({first, entry("b", "U8", "[4]", "[0,4]")}), 4,
                       "data starts at byte 0, expected 4");
  check_header_refused(header_of({first, entry("b", "U8", "[4]", "[4,7]")}), 7, "do not hold shape [4]");
  check_header_refused(header_of({first, entry("b", "U8", "[4]", "[4,9]")}), 9, "do not hold shape [4]");
  check_header_refused(header_of({first, entry("b", "U8", "[4]", "[4,0]")}), 4, "tensor b");
  check_header_refused(header_of({first, entry("b", "U8", "[4]", "[4,8]")}), 7, "truncated");
  check_header_refused(header_of({entry("a", "U8", "[4]", "[0,18446744073709551615]")}), 4, "entry a");
  check_header_refused(header_of({entry("a", "U8", "[4]", "[0]")}), 4, "1 numbers, expected 2");
  check_header_refused(header_of({entry("a", "U8", "[4]", "[0,4,8]")}), 4, "3 numbers, expected 2");
}

BOOST_AUTO_TEST_CASE(refuses_impossible_shapes) {
  for (const char* shape : {"[4294967296,4294967296]", "[4611686018427387904,4]", "[9223372036854775808]",
                            "[-1]", "[-9223372036854775808]", "[1.5]", "[\"4\"]", "[null]", "[[4]]", "4",
                            "null", "{}", "[99999999999999999999999]"}) {
    check_header_refused(header_of({entry("a", "U8", shape, "[0,4]")}), 4, "a");
  }
  // numbers that wrap around to the right size
  check_header_refused(header_of({entry("a", "F32", "[4611686018427387905]", "[0,4]")}), 4, "a");
}

BOOST_AUTO_TEST_CASE(refuses_types_it_cannot_represent) {
  for (const char* dtype : {"F4", "F6_E2M3", "F6_E3M2", "f32", "", "FLOAT"}) {
    check_header_refused(header_of({entry("a", dtype, "[2]", "[0,1]")}), 1,
                         "tensor a: unsupported dtype \"" + std::string(dtype) + "\"");
  }
}

BOOST_AUTO_TEST_CASE(refuses_doubles) {
  const std::string a = entry("a", "U8", "[1]", "[0,1]");
  check_header_refused(header_of({a, entry("a", "U8", "[1]", "[1,2]")}), 2, "tensor a is there twice");
  check_header_refused(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
                       "dtype is there twice");
  check_header_refused(R"({"__metadata__":{"x":"1","x":"2"}})", 0, "metadata key x is there twice");
  check_header_refused(R"({"__metadata__":{},"__metadata__":{}})", 0, "twice");
}

BOOST_AUTO_TEST_CASE(refuses_headers_of_another_form) {
  using namespace std::string_literals;
  check_header_refused("{}\0\0x"s, 0, "is NUL");  // padding is of spaces
  check_header_refused("{}\0"s, 0, "is NUL");
  for (const char* header : {"",
                             "x",
                             "[]",
                             "null",
                             "{",
                             R"({"a")",
                             R"({"a":1})",
                             R"({"a":null})",
                             R"({"a":"b"})",
                             R"({"a":[1]})",
                             R"({"a":{}})",
                             R"({"a":{"dtype":"U8"}})",
                             R"({"a":{"dtype":"U8","shape":[0]}})",
                             R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":1}})",
                             R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":"x"}})",
                             R"({"a":{"dtype":["U8"],"shape":[0],"data_offsets":[0,0]}})",
                             R"({"a":{"dtype":"U8","shape":[0],"data_offsets":{"begin":0}}})",
                             R"({"__metadata__":"pt"})",
                             R"({"__metadata__":{"n":1}})",
                             R"({"__metadata__":{"n":{}}})",
                             "{} {}",
                             "{}x",
                             " {}",
                             "{\"\xff\":{}}",
                             "{\"a\0\":{}}"}) {
    check_header_refused(header, 0, "");
  }
}

BOOST_AUTO_TEST_CASE(refuses_deep_json_without_recursion) {
  std::string deep = R"({"a":)";
  for (int i = 0; i < 1'000'000; ++i) deep += R"({"a":)";
  check_header_refused(deep, 0, "unexpected value");
  check_header_refused(R"({"a":{"shape":)" + std::string(1'000'000, '['), 0, "unexpected value");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_not_a_file) {
  const TemporaryFolder folder;
  BOOST_CHECK_THROW(kSafetensors.read(folder.file("none")), IoError);
  BOOST_CHECK_EXCEPTION(kSafetensors.read(folder.path()), InputError, message_has("regular file"));
}

BOOST_AUTO_TEST_SUITE_END()
