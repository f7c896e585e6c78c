// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/context_length.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/generation.hpp"
#include "mhub/runtime/logits_stream.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(context)

using namespace mhub;
using namespace mhub::runtime;

namespace {

TransformerConfig rope(std::int64_t positions, RopeKind type, double factor, std::int64_t original = 8192) {
  TransformerConfig config;
  config.max_position_embeddings = positions;
  config.rope_scaling.type = type;
  config.rope_scaling.factor = factor;
  config.rope_scaling.original_max_position_embeddings = original;
  return config;
}

/// A tiny model with a context of 8 tokens and further settings.
struct Small {
  explicit Small(const nlohmann::json& settings = nlohmann::json::object()) {
    tests::TinyModel model;
    model.config["max_position_embeddings"] = 8;
    model.config.update(settings);
    model.write(folder.file("model"));
    checkpoint = open_checkpoint(folder.file("model"));
    backend = make_cpu_backend({1, nullptr});
    decoder.emplace(*checkpoint, *backend);
  }
  Generation generated(std::size_t prompt, std::int64_t new_tokens) {
    GenerationOptions options;
    options.max_new_tokens = new_tokens;
    return generate(*decoder, {std::vector<std::int64_t>(prompt, 3)}, options).sequences[0];
  }
  tests::TemporaryFolder folder;
  std::optional<Checkpoint> checkpoint;
  std::unique_ptr<Backend> backend;
  std::optional<Decoder> decoder;
};

}  // namespace

BOOST_AUTO_TEST_CASE(how_far_positions_reach) {
  BOOST_TEST(*context_length(rope(2048, RopeKind::none, 1)) == 2048);
  BOOST_TEST(*context_length(rope(2048, RopeKind::linear, 4)) == 8192);
  BOOST_TEST(*context_length(rope(32768, RopeKind::yarn, 4, 32768)) == 131072);  // Qwen2.5
  BOOST_TEST(*context_length(rope(131072, RopeKind::llama3, 8, 8192)) == 131072);
  BOOST_TEST(*context_length(rope(131072, RopeKind::longrope, 1, 4096)) == 131072);
  TransformerConfig sparse = rope(163840, RopeKind::yarn, 40, 4096);  // DeepSeek-V3.2
  sparse.sparse_attention.emplace();
  BOOST_TEST(*context_length(sparse) == 2048);
  BOOST_CHECK_NO_THROW(require_length(sparse, 2048));
  BOOST_CHECK_EXCEPTION(require_length(sparse, 2049), UsageError,
                        tests::message_has("2049 tokens", "2048 tokens", "index_topk"));
  sparse.sparse_attention->topk = 200000;
  BOOST_CHECK_EXCEPTION(require_length(sparse, 163841), UsageError,
                        tests::message_has("163841", "163840", "max_position_embeddings"));
  TransformerConfig learned;
  learned.position_embedding_type = PositionEmbedding::learned_absolute;
  learned.max_position_embeddings = 1024;
  BOOST_TEST(*context_length(learned) == 1024);
  learned.position_embedding_type = PositionEmbedding::none;
  BOOST_TEST(!context_length(learned));
}

BOOST_AUTO_TEST_CASE(generation_ends_where_the_context_does) {
  Small model;
  const Generation full = model.generated(6, 100);
  // Tokens 7 and 8 run through the model; the one behind them is known and has no place.
  BOOST_TEST(full.tokens.size() == 3U);
  BOOST_TEST((full.finish == Generation::Finish::context));
  BOOST_TEST((model.generated(6, 3).finish == Generation::Finish::length));
  BOOST_TEST(model.generated(8, 100).tokens.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_longer_prompt_is_refused) {
  Small model;
  const auto explained = tests::message_has("9 tokens", "8 tokens", "max_position_embeddings");
  BOOST_CHECK_EXCEPTION(model.generated(9, 1), UsageError, explained);
  const std::vector<std::int64_t> tokens(9, 3);
  BOOST_CHECK_EXCEPTION(LogitsStream(*model.decoder, {tokens}), UsageError, explained);
}

BOOST_AUTO_TEST_CASE(pieces_have_the_frequencies_of_the_whole) {
  // 200 tokens run in two pieces; the first one alone would still have the short factors.
  Small model(nlohmann::json{{"max_position_embeddings", 400},
                             {"rope_scaling",
                              {{"rope_type", "longrope"},
                               {"original_max_position_embeddings", 150},
                               {"short_factor", {1.0}},
                               {"long_factor", {4.0}}}}});
  const std::vector<std::int64_t> tokens(200, 3);
  SequenceCache sequence = model.decoder->new_sequence();
  const Decoder::Step step{&sequence, tokens};
  const Matrix whole = model.decoder->forward({&step, 1}, Decoder::Logits::all);
  std::vector<float> expected(static_cast<std::size_t>(whole.rows * whole.columns));
  model.backend->read(whole, expected);
  LogitsStream stream(*model.decoder, {tokens});
  std::size_t at = 0;
  for (auto rows = stream.next(); !rows.empty(); rows = stream.next()) {
    for (const float logit : rows) BOOST_TEST(std::abs(logit - expected[at++]) < 1e-4F);
  }
  BOOST_TEST(at == expected.size());
}

BOOST_AUTO_TEST_SUITE_END()
