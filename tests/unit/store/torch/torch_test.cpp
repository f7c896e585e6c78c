// SPDX-License-Identifier: Apache-2.0
// torch.save archives, torch_dist and torch checkpoints: what our sinks write our sources read; damage is
// refused.
#include <filesystem>
#include <random>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/pickle/pickle.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_dist/torch_dist.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"
#include "store/read_tensor.hpp"

namespace fs = std::filesystem;
using namespace mhub;
using namespace mhub::tests;

namespace {

std::vector<std::byte> random_bytes(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xff);
  return bytes;
}

std::size_t bytes_of(DType dtype, const Shape& shape) {
  return static_cast<std::size_t>(numel(shape)) * size_of(dtype);
}

/// Fills every chunk of a sink with bytes of its own, in uneven pieces.
void fill(TensorSink& sink, const std::vector<SinkTensor>& tensors) {
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    for (std::size_t c = 0; c < tensors[t].chunks.size(); ++c) {
      const auto bytes = random_bytes(bytes_of(tensors[t].dtype, tensors[t].chunks[c].shape),
                                      static_cast<unsigned>(100 * t + c));
      for (std::size_t at = 0; at < bytes.size(); at += 7)
        sink.append(t, c, std::span(bytes).subspan(at, std::min<std::size_t>(7, bytes.size() - at)));
    }
  }
  sink.finish();
}

const std::vector<SinkTensor> kTensors{
    {"embedding.word_embeddings.weight", DType::bf16, {5, 3}, {{{0, 0}, {3, 3}, 0}, {{3, 0}, {2, 3}, 1}}},
    {"decoder.layers.mlp.linear_fc2.weight",
     DType::f32,
     {2, 3, 4},
     {{{0, 0, 0}, {1, 3, 2}, 0},
      {{0, 0, 2}, {1, 3, 2}, 1},
      {{1, 0, 0}, {1, 3, 2}, 0},
      {{1, 0, 2}, {1, 3, 2}, 1}}},
    {"scalar", DType::i64, {}, {{{}, {}, 0}}},
    {"bytes", DType::f8_e4m3, {9}, {{{0}, {9}, 1}}},
};

void write_dist(const std::string& folder) {
  PickleArena arena;
  PickleNode* common = arena.dict();
  arena.set(common, "iteration", arena.integer(12));
  const auto sink = make_torch_dist_sink(
      folder, kTensors, {{"x._extra_state/shard_0_1", torch_save_bytes(*arena.list({arena.none()}))}},
      *common);
  fill(*sink, kTensors);
}

}  // namespace

BOOST_AUTO_TEST_CASE(torch_dist_round_trip) {
  const TemporaryFolder folder;
  write_dist(folder.path());
  const TorchDistCheckpoint opened = open_torch_dist(folder.path());
  BOOST_TEST(opened.common->find("iteration")->as_integer("iteration") == 12);
  BOOST_TEST(opened.objects.contains("x._extra_state/shard_0_1"));
  BOOST_REQUIRE_EQUAL(opened.tensors.tensors().size(), kTensors.size());
  for (std::size_t t = 0; t < kTensors.size(); ++t) {
    const StoredTensor* tensor = opened.tensors.find(kTensors[t].name);
    BOOST_REQUIRE(tensor != nullptr);
    BOOST_TEST((tensor->dtype == kTensors[t].dtype && tensor->shape == kTensors[t].shape));
    BOOST_REQUIRE_EQUAL(tensor->chunks.size(), kTensors[t].chunks.size());
    for (std::size_t c = 0; c < tensor->chunks.size(); ++c) {
      std::vector<std::byte> bytes(bytes_of(tensor->dtype, tensor->chunks[c].shape));
      tensor->chunks[c].bytes->read(tensor->chunks[c].byte_offset, bytes);
      BOOST_TEST((bytes == random_bytes(bytes.size(), static_cast<unsigned>(100 * t + c))));
      BOOST_TEST((t > 1 || tensor->chunks[c].byte_offset % 2 == 0));
    }
  }
}

BOOST_AUTO_TEST_CASE(slices_cross_chunks) {
  const TemporaryFolder folder;
  write_dist(folder.path());
  const TorchDistCheckpoint opened = open_torch_dist(folder.path());
  const StoredTensor& tensor =
      *opened.tensors.find("decoder.layers.mlp.linear_fc2.weight");  // [2, 3, 4] in four chunks
  const std::vector<std::byte> whole = read_tensor(tensor);
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    Index offset;
    Shape shape;
    for (const std::int64_t size : tensor.shape) {
      offset.push_back(static_cast<std::int64_t>(random() % static_cast<unsigned>(size)));
      shape.push_back(1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(size - offset.back())));
    }
    std::vector<std::byte> expected;
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) {
        const std::int64_t first = ((offset[0] + i) * 3 + offset[1] + j) * 4 + offset[2];
        expected.insert(expected.end(), whole.begin() + 4 * first, whole.begin() + 4 * (first + shape[2]));
      }
    }
    BOOST_REQUIRE((read_slice(tensor, offset, shape) == expected));
  }
}

BOOST_AUTO_TEST_CASE(damaged_torch_dist_is_refused) {
  const TemporaryFolder folder;
  write_dist(folder.path());
  const std::string metadata = read_file(folder.file(".metadata"), 1 << 20);
  auto rewrite = [&](const std::string& name, const std::string& content) {
    fs::remove(folder.file(name));
    write_file(folder.file(name), content);
  };
  auto refused = [&](const std::string& expected) {
    BOOST_CHECK_EXCEPTION(open_torch_dist(folder.path()), InputError, message_has(expected));
  };
  for (std::size_t length = 0; length < metadata.size(); length += 13) {
    rewrite(".metadata", metadata.substr(0, length));
    refused(".metadata");
  }
  for (const auto& [from, to, expected] : std::vector<std::array<std::string, 3>>{
           {"__1_0.distcp", "../_0.distcp", "leaves the folder"},
           {"__1_0.distcp", "__7_0.distcp", "missing"},
           {"bfloat16", "bfloat99", "unknown type"},
           {"torch.serialization", "os.path.serializat1", "refused as unsafe"}}) {
    std::string changed = metadata;
    changed.replace(changed.find(from), from.size(), to);
    rewrite(".metadata", changed);
    refused(expected);
  }
  rewrite(".metadata", metadata);
  open_torch_dist(folder.path());
  rewrite("metadata.json", "{\"sharded_backend\": \"zarr\"}");
  refused("zarr");
}

BOOST_AUTO_TEST_CASE(torch_ranks_round_trip) {
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (const std::string rank : {"mp_rank_00", "mp_rank_01"})
    tensors.push_back({rank + "/decoder.final_layernorm.weight",
                       DType::f16,
                       {6},
                       {{{0}, {6}, 0}},
                       std::make_shared<StateDict>(StateDict{rank, "model"})});
  const auto sink = make_torch_ranks_sink(
      folder.path(), tensors,
      [](PickleArena& arena, PickleNode* top) { arena.set(top, "iteration", arena.integer(3)); },
      [](const std::vector<std::string>&) { return std::vector<std::string>{"x._extra_state"}; });
  fill(*sink, tensors);
  const TorchRanksCheckpoint opened = open_torch_ranks(folder.path());
  BOOST_TEST(opened.ranks == (std::vector<std::string>{"mp_rank_00", "mp_rank_01"}),
             boost::test_tools::per_element());
  BOOST_TEST(opened.common->find("iteration")->as_integer("iteration") == 3);
  const StoredTensor* tensor = opened.tensors.find("mp_rank_01/decoder.final_layernorm.weight");
  BOOST_REQUIRE(tensor != nullptr);
  BOOST_TEST((read_tensor(*tensor) == random_bytes(12, 100)));
  BOOST_REQUIRE(tensor->dict != nullptr);
  BOOST_TEST((*tensor->dict == StateDict{"mp_rank_01", "model"}));
  BOOST_TEST(tensor->parameter() == "decoder.final_layernorm.weight");
}

BOOST_AUTO_TEST_CASE(torch_ranks_keep_model_chunks_and_carried_tensors_apart) {
  const TemporaryFolder folder;
  std::vector<SinkTensor> tensors;
  for (const StateDict& dict :
       {StateDict{"mp_rank_00_000", "model0"}, StateDict{"mp_rank_00_000", "model1", 1},
        StateDict{"mp_rank_00_000", "hf"}}) {
    tensors.push_back(
        {dict.prefix() + "a/b", DType::f16, {6}, {{{0}, {6}, 0}}, std::make_shared<StateDict>(dict)});
  }
  const auto sink = make_torch_ranks_sink(
      folder.path(), tensors, [](PickleArena&, PickleNode*) {},
      [](const std::vector<std::string>&) { return std::vector<std::string>{"x._extra_state"}; });
  fill(*sink, tensors);
  const TorchRanksCheckpoint opened = open_torch_ranks(folder.path());
  BOOST_REQUIRE_EQUAL(opened.tensors.tensors().size(), tensors.size());
  for (const SinkTensor& tensor : tensors) {
    const StoredTensor* stored = opened.tensors.find(tensor.name);
    BOOST_REQUIRE_MESSAGE(stored != nullptr, tensor.name);
    BOOST_TEST((*stored->dict == *tensor.dict), tensor.name);
    BOOST_TEST(stored->parameter() == "a/b");  // a slash in a parameter's name is no border
  }
}

BOOST_AUTO_TEST_CASE(strided_and_shared_storages) {
  // A transposed view and a scalar at an offset of one storage, as torch.save keeps them.
  const TemporaryFolder folder;
  PickleArena arena;
  auto view = [&](std::vector<std::int64_t> size, std::vector<std::int64_t> stride, std::int64_t offset) {
    auto numbers = [&](const std::vector<std::int64_t>& values) {
      std::vector<const PickleNode*> items;
      for (const std::int64_t value : values) items.push_back(arena.integer(value));
      return arena.tuple(items);
    };
    PickleNode* storage = arena.make({.kind = PickleNode::Kind::persistent});
    storage->items = {arena.tuple({arena.string("storage"), arena.global("torch ByteStorage"),
                                   arena.string("0"), arena.string("cpu"), arena.integer(6)})};
    return arena.call("torch._utils _rebuild_tensor_v2",
                      {storage, arena.integer(offset), numbers(size), numbers(stride), arena.boolean(false),
                       arena.call("collections OrderedDict", {})});
  };
  auto archive_of = [&](const PickleNode* root) {
    fs::remove(folder.file("x.pt"));
    auto file = std::make_shared<OutputFile>(folder.file("x.pt"));
    const std::uint64_t size = 6;
    TorchSaveWriter writer(
        [file](std::uint64_t at, std::span<const std::byte> data) { file->write(at, data); },
        write_pickle(*root), std::span(&size, 1));
    const std::array<unsigned char, 6> bytes{0, 1, 2, 3, 4, 5};
    writer.append(0, std::as_bytes(std::span(bytes)));
    writer.finish();
    file->close();
    return TorchArchive(folder.file("x.pt"));
  };
  auto values = [](const StoredTensor& tensor) {
    std::vector<int> out;
    for (const std::byte byte : read_tensor(tensor)) out.push_back(std::to_integer<int>(byte));
    return out;
  };
  const TorchArchive turned = archive_of(view({3, 2}, {1, 3}, 0));
  BOOST_TEST(values(*turned.tensor(turned.root(), "t")) == (std::vector<int>{0, 3, 1, 4, 2, 5}),
             boost::test_tools::per_element());
  const TorchArchive last = archive_of(view({}, {}, 5));
  BOOST_TEST(values(*last.tensor(last.root(), "t")) == (std::vector<int>{5}),
             boost::test_tools::per_element());
  for (const PickleNode* bad :
       {view({4, 2}, {1, 3}, 0), view({7}, {1}, 0), view({1}, {1}, 6), view({2}, {1LL << 62}, 0),
        view({-1}, {1}, 0), view({2}, {-1}, 3), view({1LL << 40, 1LL << 40}, {1, 1}, 0)}) {
    const TorchArchive archive = archive_of(bad);
    BOOST_CHECK_THROW(archive.tensor(archive.root(), "t"), InputError);
  }
}
