// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/safetensors/safetensors.hpp"
#include "store/read_tensor.hpp"

BOOST_AUTO_TEST_SUITE(safetensors_sink)

using namespace mhub;
using namespace mhub::tests;

namespace {

SinkTensor tensor(const std::string& name, DType dtype, const Shape& shape, int shard = 0) {
  return {name, dtype, shape, {{Index(shape.size(), 0), shape, shard}}};
}

std::vector<std::byte> pattern(const SinkTensor& one, std::size_t seed) {
  std::vector<std::byte> data(static_cast<std::size_t>(numel(one.shape)) * size_of(one.dtype));
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + seed);
  return data;
}

/// The header that safetensors 0.8.0 (Python) writes for one tensor of every type, a scalar and an empty one.
constexpr const char* kReferenceHeader =
    R"({"__metadata__":{"format":"pt"},"u64":{"dtype":"U64","shape":[1],"data_offsets":[0,8]},)"
    R"("i64":{"dtype":"I64","shape":[1],"data_offsets":[8,16]},"f64":{"dtype":"F64","shape":[1],"data_offsets":[16,24]},)"
    R"("c64":{"dtype":"C64","shape":[1],"data_offsets":[24,32]},)"
    R"("a.f32":{"dtype":"F32","shape":[2,3],"data_offsets":[32,56]},)"
    R"("empty":{"dtype":"F32","shape":[0,4],"data_offsets":[56,56]},)"
    R"("f32":{"dtype":"F32","shape":[1],"data_offsets":[56,60]},"scalar":{"dtype":"F32","shape":[],"data_offsets":[60,64]},)"
    R"("u32":{"dtype":"U32","shape":[1],"data_offsets":[64,68]},"i32":{"dtype":"I32","shape":[1],"data_offsets":[68,72]},)"
    R"("bf16":{"dtype":"BF16","shape":[1],"data_offsets":[72,74]},"f16":{"dtype":"F16","shape":[1],"data_offsets":[74,76]},)"
    R"("u16":{"dtype":"U16","shape":[1],"data_offsets":[76,78]},"i16":{"dtype":"I16","shape":[1],"data_offsets":[78,80]},)"
    R"("e8m0":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[80,81]},)"
    R"("e4m3":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[81,82]},)"
    R"("e5m2":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[82,83]},"i8":{"dtype":"I8","shape":[1],"data_offsets":[83,84]},)"
    R"("u8":{"dtype":"U8","shape":[1],"data_offsets":[84,85]},"b":{"dtype":"BOOL","shape":[1],"data_offsets":[85,86]}} )";

std::vector<SinkTensor> one_of_each_type() {
  std::vector<SinkTensor> tensors{tensor("scalar", DType::f32, {}), tensor("empty", DType::f32, {0, 4}),
                                  tensor("a.f32", DType::f32, {2, 3})};
  const std::vector<std::pair<const char*, DType>> types{
      {"b", DType::boolean},    {"u8", DType::u8},        {"i8", DType::i8},   {"e5m2", DType::f8_e5m2},
      {"e4m3", DType::f8_e4m3}, {"e8m0", DType::f8_e8m0}, {"i16", DType::i16}, {"u16", DType::u16},
      {"f16", DType::f16},      {"bf16", DType::bf16},    {"i32", DType::i32}, {"u32", DType::u32},
      {"f32", DType::f32},      {"c64", DType::c64},      {"f64", DType::f64}, {"i64", DType::i64},
      {"u64", DType::u64}};
  for (const auto& [name, dtype] : types) tensors.push_back(tensor(name, dtype, {1}));
  return tensors;
}

}  // namespace

/// The header's spaces place the data as most of its bytes want it; at a place for no data, they do not.
BOOST_AUTO_TEST_CASE(data_begins_where_most_bytes_want_it) {
  for (const auto& [phase, placed] : {std::pair{1232, true}, {0, true}, {-1, false}, {1233, false}}) {
    const TemporaryFolder folder;
    std::vector<SinkTensor> tensors{tensor("a", DType::u8, {100}), tensor("b", DType::u8, {1 << 17})};
    tensors[1].chunks[0].phase = phase < 0 ? -1 : (phase + 100) % static_cast<int>(kFileBlock);
    const auto sink = make_safetensors_sink(folder.path(), tensors);
    for (std::size_t t = 0; t < tensors.size(); ++t) sink->append(t, 0, pattern(tensors[t], t));
    sink->finish();
    const TensorSource source = kSafetensors.open(folder.path());
    const std::uint64_t begin = source.find("a")->chunks[0].byte_offset;
    BOOST_TEST((begin % kFileBlock == static_cast<std::uint64_t>(phase)) == placed);
    BOOST_TEST((begin < 300) == !placed);
    for (std::size_t t = 0; t < tensors.size(); ++t)
      BOOST_TEST((read_tensor(*source.find(tensors[t].name)) == pattern(tensors[t], t)));
  }
}

BOOST_AUTO_TEST_CASE(writes_the_header_of_the_reference_implementation) {
  const TemporaryFolder folder;
  const std::vector<SinkTensor> tensors = one_of_each_type();
  const auto sink = make_safetensors_sink(folder.path(), tensors);
  for (std::size_t t = 0; t < tensors.size(); ++t) sink->append(t, 0, pattern(tensors[t], t));
  sink->finish();
  const std::string bytes = read_file(folder.file("model.safetensors"), 1 << 20);
  BOOST_REQUIRE_EQUAL(bytes.size(), 1286u);
  BOOST_TEST(bytes.substr(8, 1192) == kReferenceHeader);
  BOOST_TEST(!std::filesystem::exists(folder.file("model.safetensors.index.json")));
  const TensorSource source = kSafetensors.open(folder.path());
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const StoredTensor* stored = source.find(tensors[t].name);
    BOOST_REQUIRE(stored != nullptr);
    BOOST_TEST((stored->dtype == tensors[t].dtype));
    BOOST_TEST(stored->shape == tensors[t].shape);
    BOOST_TEST((read_tensor(*stored) == pattern(tensors[t], t)));
  }
}

BOOST_AUTO_TEST_CASE(writes_shards_from_many_threads) {
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (int t = 0; t < 40; ++t) tensors.push_back(tensor(std::to_string(t), DType::u8, {1000 + t}));
  const std::vector<int> shards = assign_shards(tensors, 9000);
  for (std::size_t t = 0; t < tensors.size(); ++t) tensors[t].chunks[0].rank = shards[t];
  const auto sink = make_safetensors_sink(folder.path(), tensors);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < 4; ++k) {
    threads.emplace_back([&, k] {
      for (std::size_t t = k; t < tensors.size(); t += 4) {
        const std::vector<std::byte> data = pattern(tensors[t], t);
        for (std::size_t at = 0; at < data.size(); at += 333)
          sink->append(t, 0, std::span(data).subspan(at, std::min<std::size_t>(333, data.size() - at)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  sink->finish();
  BOOST_TEST(std::filesystem::exists(folder.file("model-00001-of-00005.safetensors")));
  const TensorSource source = kSafetensors.open(folder.path());
  BOOST_REQUIRE_EQUAL(source.tensors().size(), tensors.size());
  for (std::size_t t = 0; t < tensors.size(); ++t)
    BOOST_TEST((read_tensor(*source.find(tensors[t].name)) == pattern(tensors[t], t)));
  const std::string index = read_file(folder.file("model.safetensors.index.json"), 1 << 20);
  BOOST_TEST(index.find("\"total_size\": 40780") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pads_so_that_data_is_aligned) {
  for (int length = 1; length <= 8; ++length) {
    const TemporaryFolder folder;
    const auto sink = make_safetensors_sink(
        folder.path(), {tensor(std::string(static_cast<std::size_t>(length), 'n'), DType::f64, {})});
    sink->append(0, 0, std::vector<std::byte>(8));
    sink->finish();
    const TensorSource opened = kSafetensors.open(folder.path());
    BOOST_TEST(opened.tensors()[0].chunks[0].byte_offset % 8 == 0u);
  }
}

BOOST_AUTO_TEST_CASE(keeps_difficult_names) {
  const TemporaryFolder folder;
  const std::string name = "a\"\\\n\x01 \xc3\xa4/ü";
  const auto sink = make_safetensors_sink(folder.path(), {tensor(name, DType::u8, {0})});
  sink->finish();
  const TensorSource opened = kSafetensors.open(folder.path());
  BOOST_TEST(opened.tensors()[0].name == name);
  const TemporaryFolder other;
  BOOST_CHECK_EXCEPTION(make_safetensors_sink(other.path(), {tensor("\xff", DType::u8, {0})}), InputError,
                        message_has("UTF-8"));
  const TemporaryFolder third;
  BOOST_CHECK_THROW(make_safetensors_sink(third.path(), {tensor("__metadata__", DType::u8, {0})}),
                    InputError);
}

BOOST_AUTO_TEST_CASE(refuses_wrong_use) {
  const TemporaryFolder folder;
  const SinkTensor one = tensor("a", DType::u8, {4});
  BOOST_CHECK_THROW(make_safetensors_sink(folder.path(), {one, one}), std::logic_error);
  BOOST_CHECK_THROW(make_safetensors_sink(folder.path(), {tensor("a", DType::u8, {4}, 1)}), std::logic_error);
  BOOST_CHECK_THROW(make_safetensors_sink(folder.path(), {tensor("a", DType::u8, {4}, -1)}),
                    std::logic_error);
  SinkTensor two_chunks = one;
  two_chunks.chunks = {{{0}, {2}, 0}, {{2}, {2}, 0}};
  BOOST_CHECK_THROW(make_safetensors_sink(folder.path(), {two_chunks}), std::logic_error);
  const auto sink = make_safetensors_sink(folder.path(), {one});
  BOOST_CHECK_THROW(sink->append(0, 1, std::vector<std::byte>(1)), std::logic_error);
  sink->append(0, 0, std::vector<std::byte>(3));
  BOOST_CHECK_THROW(sink->finish(), std::logic_error);
  BOOST_CHECK_THROW(sink->append(0, 0, std::vector<std::byte>(2)), std::logic_error);
  sink->append(0, 0, std::vector<std::byte>(1));
  BOOST_CHECK_NO_THROW(sink->finish());
  BOOST_CHECK_THROW(make_safetensors_sink(folder.path(), {one}), IoError);  // the file exists
}

BOOST_AUTO_TEST_CASE(fills_shards_in_order) {
  const std::vector<SinkTensor> tensors{tensor("a", DType::u8, {6}), tensor("b", DType::u8, {4}),
                                        tensor("c", DType::u8, {1}), tensor("d", DType::u8, {50}),
                                        tensor("e", DType::u8, {1})};
  BOOST_TEST(assign_shards(tensors, 10) == (std::vector<int>{0, 0, 1, 2, 3}));
  BOOST_TEST(assign_shards(tensors, 1000) == (std::vector<int>(5, 0)));
  BOOST_TEST(assign_shards({}, 10).empty());
}

BOOST_AUTO_TEST_SUITE_END()
