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

BOOST_AUTO_TEST_SUITE(torch_tests)

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

/// megatron/legacy/model/gpt_model.py: the state dict of a model before megatron-core has one entry.
BOOST_AUTO_TEST_CASE(a_legacy_model_of_megatron_lm_is_named) {
  const TemporaryFolder folder;
  const std::vector<SinkTensor> tensors{{"mp_rank_00/language_model",
                                         DType::f16,
                                         {6},
                                         {{{0}, {6}, 0}},
                                         std::make_shared<StateDict>(StateDict{"mp_rank_00", "model"})}};
  const auto sink = make_torch_ranks_sink(
      folder.path(), tensors, [](PickleArena&, PickleNode*) {},
      [](const std::vector<std::string>&) { return std::vector<std::string>{}; });
  fill(*sink, tensors);
  BOOST_CHECK_EXCEPTION(open_torch_ranks(folder.path()), InputError,
                        message_has("mp_rank_00", "legacy models", "--saver core"));
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

/// torch.save of one tensor in a storage of the given elements; `more` are the arguments behind the strides.
class OneTensor {
 public:
  OneTensor(std::string storage_type, std::vector<std::byte> bytes, std::size_t elements)
      : type_(std::move(storage_type)), bytes_(std::move(bytes)), elements_(elements) {}

  PickleArena& arena() { return arena_; }
  const PickleNode* numbers(const std::vector<std::int64_t>& values) {
    std::vector<const PickleNode*> items;
    for (const std::int64_t value : values) items.push_back(arena_.integer(value));
    return arena_.tuple(items);
  }
  const PickleNode* call(const std::string& function, const std::vector<std::int64_t>& size,
                         const std::vector<std::int64_t>& stride, std::int64_t offset,
                         const std::vector<const PickleNode*>& more) {
    PickleNode* storage = arena_.make({.kind = PickleNode::Kind::persistent});
    storage->items = {
        arena_.tuple({arena_.string("storage"), arena_.global(type_), arena_.string("0"),
                      arena_.string("cpu"), arena_.integer(static_cast<std::int64_t>(elements_))})};
    std::vector<const PickleNode*> arguments{storage, arena_.integer(offset), numbers(size), numbers(stride)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arena_.call(function, arguments);
  }
  /// The arguments of _rebuild_tensor_v2 that say nothing about values.
  std::vector<const PickleNode*> plain() {
    return {arena_.boolean(false), arena_.call("collections OrderedDict", {})};
  }
  /// What is read of it.
  StoredTensor read(const PickleNode* root) {
    fs::remove(folder_.file("x.pt"));
    auto file = std::make_shared<OutputFile>(folder_.file("x.pt"));
    const TorchSaveWriter::Data size{bytes_.size()};
    TorchSaveWriter writer(
        [file](std::uint64_t at, std::span<const std::byte> data) { file->write(at, data); },
        write_pickle(*root), std::span(&size, 1));
    writer.append(0, bytes_);
    writer.finish();
    file->close();
    const TorchArchive archive(folder_.file("x.pt"));
    return archive.tensor(archive.root(), "t").value();
  }

 private:
  TemporaryFolder folder_;
  PickleArena arena_;
  std::string type_;
  std::vector<std::byte> bytes_;
  std::size_t elements_;
};

std::vector<int> values(const StoredTensor& tensor) {
  std::vector<int> out;
  for (const std::byte byte : read_tensor(tensor)) out.push_back(std::to_integer<int>(byte));
  return out;
}

BOOST_AUTO_TEST_CASE(strided_and_shared_storages) {
  // A transposed view and a scalar at an offset of one storage, as torch.save keeps them.
  std::vector<std::byte> bytes;
  for (int k = 0; k < 6; ++k) bytes.push_back(std::byte(k));
  OneTensor saved("torch ByteStorage", bytes, 6);
  auto view = [&](std::vector<std::int64_t> size, std::vector<std::int64_t> stride, std::int64_t offset) {
    return saved.call("torch._utils _rebuild_tensor_v2", size, stride, offset, saved.plain());
  };
  BOOST_TEST(values(saved.read(view({3, 2}, {1, 3}, 0))) == (std::vector<int>{0, 3, 1, 4, 2, 5}),
             boost::test_tools::per_element());
  BOOST_TEST(values(saved.read(view({}, {}, 5))) == (std::vector<int>{5}), boost::test_tools::per_element());
  for (const PickleNode* bad :
       {view({4, 2}, {1, 3}, 0), view({7}, {1}, 0), view({1}, {1}, 6), view({2}, {1LL << 62}, 0),
        view({-1}, {1}, 0), view({2}, {-1}, 3), view({1LL << 40, 1LL << 40}, {1, 1}, 0)}) {
    BOOST_CHECK_THROW(saved.read(bad), InputError);
  }
}

BOOST_AUTO_TEST_CASE(what_torch_keeps_beside_the_bytes) {
  // bf16 1, -2, 3: torch.save of tensor._neg_view() has the same bytes and {"neg": True} as its last
  // argument.
  std::vector<std::byte> bytes;
  for (const unsigned bits : {0x3f80U, 0xc000U, 0x4040U}) {
    bytes.push_back(std::byte(bits & 0xff));
    bytes.push_back(std::byte(bits >> 8));
  }
  OneTensor saved("torch BFloat16Storage", bytes, 3);
  const auto with = [&](const std::string& function, std::vector<const PickleNode*> more) {
    return saved.call("torch._utils " + function, {2}, {1}, 1, more);
  };
  const auto marked = [&](const PickleNode* metadata) {
    std::vector<const PickleNode*> more = saved.plain();
    more.push_back(metadata);
    return with("_rebuild_tensor_v2", more);
  };
  PickleArena& arena = saved.arena();
  const PickleNode *yes = arena.boolean(true), *no = arena.boolean(false);
  const std::vector<int> stored{0, 0xc0, 0x40, 0x40}, turned{0, 0x40, 0x40, 0xc0};
  BOOST_TEST(values(saved.read(with("_rebuild_tensor_v2", saved.plain()))) == stored);
  BOOST_TEST(values(saved.read(marked(arena.none()))) == stored);
  BOOST_TEST(values(saved.read(marked(arena.dict({{"neg", no}, {"conj", no}})))) == stored);
  BOOST_TEST(values(saved.read(marked(arena.dict({{"neg", yes}})))) == turned);
  const auto v3 = [&](const PickleNode* metadata) {
    std::vector<const PickleNode*> more = saved.plain();
    more.push_back(arena.global("torch bfloat16"));
    more.push_back(metadata);
    return with("_rebuild_tensor_v3", more);
  };
  BOOST_TEST(values(saved.read(v3(arena.dict({{"neg", yes}})))) == turned);
  const auto refused = [&](const PickleNode* root, const std::string& part) {
    BOOST_CHECK_EXCEPTION(saved.read(root), InputError, message_has("tensor t", part));
  };
  refused(marked(arena.dict({{"conj", yes}})), "unsupported mark \"conj\"");
  refused(marked(arena.dict({{"scale", arena.integer(2)}})), "unsupported mark \"scale\"");
  refused(marked(arena.string("neg")), "metadata");
  std::vector<const PickleNode*> longer = saved.plain();
  longer.insert(longer.end(), {arena.none(), arena.none()});
  refused(with("_rebuild_tensor_v2", longer), "8 arguments, expected at most 7");
  refused(with("_rebuild_tensor", saved.plain()), "6 arguments, expected at most 4");
}

BOOST_AUTO_TEST_SUITE_END()
