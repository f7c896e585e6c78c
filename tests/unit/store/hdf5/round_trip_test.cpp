// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "store/hdf5/archive_data.hpp"
#include "store/read_tensor.hpp"

BOOST_AUTO_TEST_SUITE(hdf5_round_trip)

using namespace mhub;
using namespace mhub::tests;

namespace {

void check_tensors(const TensorSource& source, const std::vector<SinkTensor>& tensors) {
  BOOST_REQUIRE_EQUAL(source.tensors().size(), tensors.size());
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const StoredTensor* stored = source.find(tensors[t].name);
    BOOST_REQUIRE(stored != nullptr);
    BOOST_TEST((stored->dtype == tensors[t].dtype));
    BOOST_TEST(stored->shape == tensors[t].shape);
    BOOST_TEST((read_tensor(*stored) == random_bytes(tensors[t], t)));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(keeps_every_type_scalars_and_empty_tensors) {
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (const DType dtype : kAllTypes) {
    const std::string name(torch_name(dtype));
    tensors.push_back(sink_tensor(name + ".matrix", dtype, {3, 5}));
    tensors.push_back(sink_tensor(name + ".scalar", dtype, {}));
    tensors.push_back(sink_tensor(name + ".empty", dtype, {3, 0, 2}));
    tensors.push_back(sink_tensor(name + ".chunks", dtype, {5, 100'003}));
  }
  write_archive(folder.file("a.h5"), tensors);
  BOOST_TEST(is_hdf5(folder.file("a.h5")));
  check_tensors(open_hdf5(folder.file("a.h5")).state, tensors);
}

BOOST_AUTO_TEST_CASE(keeps_random_shapes_however_they_are_appended) {
  std::mt19937 random(3);
  auto uniform = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (int t = 0; t < 60; ++t) {
    Shape shape(static_cast<std::size_t>(uniform(0, 5)));
    for (std::int64_t& size : shape) size = uniform(0, 9) == 0 ? 0 : uniform(1, shape.size() > 3 ? 20 : 90);
    tensors.push_back(
        sink_tensor("t." + std::to_string(t), kAllTypes[static_cast<std::size_t>(t) % 17], shape));
  }
  const std::string path = folder.file("a.h5");
  const auto sink = make_hdf5_sink(path, tensors);
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    append_all(*sink, t, random_bytes(tensors[t], t), static_cast<std::size_t>(uniform(1, 100'000)));
    sink->append(t, 0, {});
  }
  sink->finish();
  const Hdf5Archive archive = open_hdf5(path);
  check_tensors(archive.state, tensors);
  // Any stretch of a tensor's bytes, aligned to elements or not, in any order.
  for (int round = 0; round < 500; ++round) {
    const auto t = static_cast<std::size_t>(uniform(0, 59));
    const ByteSource& bytes = *archive.state.find(tensors[t].name)->chunks[0].bytes;
    const std::vector<std::byte> expected = random_bytes(tensors[t], t);
    BOOST_REQUIRE_EQUAL(bytes.size(), expected.size());
    const auto begin = uniform(0, static_cast<std::int64_t>(expected.size()));
    const auto end = uniform(begin, static_cast<std::int64_t>(expected.size()));
    std::vector<std::byte> part(static_cast<std::size_t>(end - begin));
    bytes.read(static_cast<std::uint64_t>(begin), part);
    BOOST_TEST(std::equal(part.begin(), part.end(), expected.begin() + begin));
    std::vector<std::byte> beyond(expected.size() + 1);
    BOOST_CHECK_THROW(bytes.read(0, beyond), IoError);
  }
}

BOOST_AUTO_TEST_CASE(writes_and_reads_from_many_threads) {
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (int t = 0; t < 40; ++t)
    tensors.push_back(sink_tensor("layers." + std::to_string(t), DType::bf16, {1000 + t, 700}));
  const std::string path = folder.file("a.h5");
  const auto sink = make_hdf5_sink(path, tensors);
  auto in_threads = [&](auto&& work) {
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < 4; ++k) {
      threads.emplace_back([&, k] {
        for (std::size_t t = k; t < tensors.size(); t += 4) work(t);
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  in_threads([&](std::size_t t) { append_all(*sink, t, random_bytes(tensors[t], t), 99'999); });
  sink->finish();
  const Hdf5Archive archive = open_hdf5(path);
  std::vector<char> equal(tensors.size());
  in_threads([&](std::size_t t) {
    // All threads begin with one tensor, so that they meet in its chunks.
    read_tensor(*archive.state.find(tensors[0].name));
    equal[t] = read_tensor(*archive.state.find(tensors[t].name)) == random_bytes(tensors[t], t);
  });
  BOOST_TEST((equal == std::vector<char>(tensors.size(), 1)));
}

BOOST_AUTO_TEST_CASE(keeps_difficult_names) {
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (const std::string name : {"", ".", "..", "a", "a.b", "a~", "a.b~", "a/b", "a|b", "/", "a.", ".a",
                                 "\xc3\xa4.\xc3\xb6", "line\nbreak", "name", "~"}) {
    tensors.push_back(sink_tensor(name, DType::u8, {4}));
  }
  tensors.push_back(sink_tensor(std::string(4096, '.'), DType::u8, {4}));
  tensors.push_back(sink_tensor(std::string(4096, 'n'), DType::u8, {4}));
  write_archive(folder.file("a.h5"), tensors);
  check_tensors(open_hdf5(folder.file("a.h5")).state, tensors);
}

BOOST_AUTO_TEST_CASE(keeps_many_layers) {
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (int t = 0; t < 3000; ++t)
    tensors.push_back(sink_tensor("layers." + std::to_string(t) + ".weight", DType::f32, {2}));
  write_archive(folder.file("a.h5"), tensors);
  check_tensors(open_hdf5(folder.file("a.h5")).state, tensors);
}

BOOST_AUTO_TEST_CASE(keeps_attributes_and_side_files) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  std::string binary(3'000'000, '\0');
  for (std::size_t k = 0; k < binary.size(); ++k) binary[k] = static_cast<char>(k * k >> 3);
  const Hdf5Contents contents{
      {{"kind", "hf"}, {"note", ""}, {"unicode", "\xc3\xa4"}, {"long", std::string(32 << 10, 'x')}},
      {{"config.json", "{\"a\": 1}\n"},
       {"tokenizer/vocab.json", std::string(2'500'000, 'v')},
       {"tokenizer/special.model", binary},
       {"empty", ""},
       {"zero", std::string(1, '\0')}}};
  write_archive(path, {}, contents);
  const Hdf5Archive archive = open_hdf5(path);
  BOOST_TEST((archive.attributes == contents.attributes));
  BOOST_REQUIRE_EQUAL(archive.files.size(), contents.files.size());
  for (const auto& [name, content] : contents.files) BOOST_TEST((read_side_file(archive, name) == content));
  BOOST_TEST(archive.state.tensors().empty());
  std::string part(5, '\0');
  archive.files.at("config.json")->read(2, std::as_writable_bytes(std::span(part)));
  BOOST_TEST(part == "a\": 1");
}

BOOST_AUTO_TEST_CASE(parts_outlive_the_archive) {
  const TemporaryFolder folder;
  const auto before = open_identifiers();
  const std::string path = folder.file("a.h5");
  const std::vector<SinkTensor> tensors{sink_tensor("a", DType::f32, {5}), sink_tensor("b", DType::f32, {})};
  write_archive(path, tensors);
  TensorSource state;
  {
    Hdf5Archive archive = open_hdf5(path);
    state = std::move(archive.state);
  }
  check_tensors(state, tensors);
  BOOST_TEST(open_identifiers() > before);
  state = TensorSource();
  BOOST_TEST(open_identifiers() == before);
}

BOOST_AUTO_TEST_CASE(refuses_wrong_use) {
  const TemporaryFolder folder;
  int number = 0;
  auto make = [&](std::vector<SinkTensor> tensors, const Hdf5Contents& contents = {}) {
    return make_hdf5_sink(folder.file(std::to_string(number++)), std::move(tensors), contents);
  };
  const SinkTensor one = sink_tensor("a", DType::u8, {4});
  BOOST_CHECK_THROW(make({one, one}), std::logic_error);
  SinkTensor two_chunks = one;
  two_chunks.chunks = {{{0}, {2}, 0}, {{2}, {2}, 0}};
  BOOST_CHECK_THROW(make({two_chunks}), std::logic_error);
  for (const std::string& name : {std::string("\xff"), std::string("a\0b", 3), std::string(4097, 'n')})
    BOOST_CHECK_EXCEPTION(make({sink_tensor(name, DType::u8, {4})}), InputError, message_has("UTF-8"));
  BOOST_CHECK_EXCEPTION(make({sink_tensor("a", DType::u8, Shape(33, 1))}), InputError,
                        message_has("32 axes"));
  BOOST_CHECK_NO_THROW(make({sink_tensor("a", DType::u8, Shape(32, 1))}));
  for (const std::string name : {"", "/a", "a/", "..", "a/../b", "a//b", ".", "\xff"})
    BOOST_CHECK_EXCEPTION(make({}, {{}, {{name, "x"}}}), InputError, message_has("relative path"));
  BOOST_CHECK_EXCEPTION(make({}, {{}, {{"a", "x"}, {"a/b", "x"}}}), InputError,
                        message_has("a is a file and a folder"));
  BOOST_CHECK_THROW(make({}, {{{"format", "x"}}, {}}), InputError);
  BOOST_CHECK_THROW(make({}, {{{"a", "\xff"}}, {}}), InputError);
  BOOST_CHECK_THROW(make({}, {{{"a", std::string((32 << 10) + 1, 'x')}}, {}}), InputError);

  const auto sink = make_hdf5_sink(folder.file("a.h5"), {one});
  BOOST_CHECK_THROW(sink->append(0, 1, std::vector<std::byte>(1)), std::logic_error);
  sink->append(0, 0, std::vector<std::byte>(3));
  BOOST_CHECK_THROW(sink->finish(), std::logic_error);
  BOOST_CHECK_THROW(sink->append(0, 0, std::vector<std::byte>(2)), std::logic_error);
  sink->append(0, 0, std::vector<std::byte>(1));
  BOOST_CHECK_EXCEPTION(sink->add_file("../x", ""), InputError, message_has("relative path"));
  sink->add_file("a/b", "");
  BOOST_CHECK_EXCEPTION(sink->add_file("a/b", ""), InputError, message_has("one already"));
  BOOST_CHECK_EXCEPTION(sink->add_file("a", ""), InputError, message_has("a is a file and a folder"));
  BOOST_CHECK_NO_THROW(sink->finish());
  BOOST_CHECK_EXCEPTION(make_hdf5_sink(folder.file("a.h5"), {one}), IoError, message_has("a.h5", "exist"));
  BOOST_CHECK_EXCEPTION(make_hdf5_sink(folder.file("none/a.h5"), {one}), IoError, message_has("none/a.h5"));
}

BOOST_AUTO_TEST_SUITE_END()
