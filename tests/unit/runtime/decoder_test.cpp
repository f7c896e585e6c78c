// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <optional>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/generation.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(decoder)

using namespace mhub;
using namespace mhub::runtime;
using mhub::tests::TinyModel;

namespace {

using Tokens = std::vector<std::int64_t>;
const Tokens kPrompt{1, 5, 12, 0, 3, 3, 7, 9, 2, 11};

/// A tiny model in a folder of its own, opened and ready.
struct Loaded {
  explicit Loaded(const TinyModel& model, const CpuOptions& options = {2, nullptr}) {
    model.write(folder.file("model"));
    checkpoint = open_checkpoint(folder.file("model"));
    backend = make_cpu_backend(options);
    decoder.emplace(*checkpoint, *backend);
  }

  /// Logits of all tokens, run in pieces of the given lengths.
  std::vector<float> logits(const Tokens& tokens, const std::vector<std::size_t>& pieces) {
    SequenceCache sequence = decoder->new_sequence();
    std::vector<float> all;
    std::size_t begin = 0;
    for (const std::size_t piece : pieces) {
      const Decoder::Step step{&sequence, std::span(tokens).subspan(begin, piece)};
      const Matrix out = decoder->forward({&step, 1}, Decoder::Logits::all);
      const std::size_t at = all.size();
      all.resize(at + static_cast<std::size_t>(out.rows * out.columns));
      backend->read(out, std::span(all).subspan(at));
      begin += piece;
    }
    return all;
  }

  tests::TemporaryFolder folder;
  std::optional<Checkpoint> checkpoint;
  std::unique_ptr<Backend> backend;
  std::optional<Decoder> decoder;
};

float worst(const std::vector<float>& a, const std::vector<float>& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  float difference = 0;
  for (std::size_t k = 0; k < a.size(); ++k) difference = std::max(difference, std::abs(a[k] - b[k]));
  return difference;
}

Tokens repeated(std::size_t count) {
  Tokens tokens;
  for (std::size_t k = 0; k < count; ++k) tokens.push_back(static_cast<std::int64_t>((k * k + 3 * k) % 13));
  return tokens;
}

TinyModel with(const std::string& key, const nlohmann::json& value) {
  TinyModel model;
  model.config[key] = value;
  return model;
}

}  // namespace

BOOST_AUTO_TEST_CASE(token_by_token_gives_what_all_at_once_gives) {
  Loaded model{TinyModel()};
  const auto whole = model.logits(kPrompt, {10});
  BOOST_TEST(std::isfinite(whole.back()));
  BOOST_TEST(worst(whole, model.logits(kPrompt, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1})) < 1e-4F);
  BOOST_TEST(worst(whole, model.logits(kPrompt, {3, 6, 1})) < 1e-4F);
}

BOOST_AUTO_TEST_CASE(caches_of_several_pages) {
  Loaded model{TinyModel()};
  const Tokens tokens = repeated(200);
  BOOST_TEST(worst(model.logits(tokens, {200}), model.logits(tokens, {63, 2, 1, 70, 64})) < 1e-4F);
}

BOOST_AUTO_TEST_CASE(every_kernel_table_and_thread_count_agrees) {
  const Tokens tokens = repeated(70);
  const auto expected = Loaded(TinyModel(), {1, &portable_kernels()}).logits(tokens, {69, 1});
  for (const Kernels* table : available_kernels()) {
    for (const int threads : {1, 3}) {
      const auto found = Loaded(TinyModel(), {threads, table}).logits(tokens, {69, 1});
      BOOST_TEST(worst(found, expected) < 1e-4F, table->name << ", " << threads << " threads");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_later_token_does_not_change_earlier_logits) {
  Loaded model{TinyModel()};
  Tokens changed = kPrompt;
  changed.back() = 4;
  const auto a = model.logits(kPrompt, {10}), b = model.logits(changed, {10});
  BOOST_TEST(worst({a.begin(), a.end() - 13}, {b.begin(), b.end() - 13}) == 0.0F);
  BOOST_TEST(worst({a.end() - 13, a.end()}, {b.end() - 13, b.end()}) > 0.0F);
}

BOOST_AUTO_TEST_CASE(sequences_of_a_batch_do_not_meet) {
  Loaded model{TinyModel()};
  const std::vector<Tokens> prompts{kPrompt, {4}, repeated(66)};
  GenerationOptions options;
  options.max_new_tokens = 70;
  const GenerationResult together = generate(*model.decoder, prompts, options);
  BOOST_TEST_REQUIRE(together.sequences.size() == 3U);
  for (std::size_t k = 0; k < prompts.size(); ++k) {
    const GenerationResult alone = generate(*model.decoder, {prompts[k]}, options);
    BOOST_TEST(together.sequences[k].tokens == alone.sequences[0].tokens);
    BOOST_TEST(together.sequences[k].tokens.size() == 70U);
  }
}

BOOST_AUTO_TEST_CASE(sequences_end_on_their_own) {
  Loaded model{TinyModel()};
  GenerationOptions options;
  options.max_new_tokens = 30;
  const Tokens free = generate(*model.decoder, {kPrompt}, options).sequences[0].tokens;
  options.eos_token_ids = {free[4]};
  const Generation ended = generate(*model.decoder, {kPrompt}, options).sequences[0];
  BOOST_TEST((ended.finish == Generation::Finish::eos));
  BOOST_TEST(ended.tokens.back() == free[4]);
  BOOST_TEST(ended.tokens.size() <= 5U);
  options.eos_token_ids.clear();
  options.on_token = [](std::size_t sequence, std::int64_t) { return sequence == 1; };
  const GenerationResult stopped = generate(*model.decoder, {kPrompt, kPrompt}, options);
  BOOST_TEST(stopped.sequences[0].tokens.size() == 30U);
  BOOST_TEST((stopped.sequences[1].finish == Generation::Finish::stop));
  BOOST_TEST(stopped.sequences[1].tokens.size() == 1U);
}

BOOST_AUTO_TEST_CASE(sampling_with_a_seed_repeats) {
  Loaded model{TinyModel()};
  GenerationOptions options;
  options.sampling = {.do_sample = true, .temperature = 1.5, .top_k = 10};
  options.seed = 11;
  const auto first = generate(*model.decoder, {kPrompt, kPrompt}, options);
  const auto second = generate(*model.decoder, {kPrompt, kPrompt}, options);
  BOOST_TEST(first.sequences[0].tokens == second.sequences[0].tokens);
  BOOST_TEST(first.sequences[0].tokens != first.sequences[1].tokens);  // seeds 11 and 12
}

BOOST_AUTO_TEST_CASE(a_window_hides_what_is_far) {
  TinyModel windowed;
  windowed.config["architectures"] = {"MistralForCausalLM"};
  windowed.config["model_type"] = "mistral";
  windowed.config["sliding_window"] = 3;
  windowed.config["num_hidden_layers"] = 2;
  Loaded model(windowed);
  // Two layers of 3 tokens see 5 tokens back: the last logits of sequences that differ before that are equal.
  Tokens a = repeated(150), b = a;
  b[140] = (a[140] + 1) % 13;
  const auto x = model.logits(a, {100, 49, 1}), y = model.logits(b, {150});
  BOOST_TEST(worst({x.end() - 13, x.end()}, {y.end() - 13, y.end()}) < 1e-5F);
  b[145] = (a[145] + 1) % 13;
  const auto z = model.logits(b, {150});
  BOOST_TEST(worst({x.end() - 13, x.end()}, {z.end() - 13, z.end()}) > 1e-3F);
}

BOOST_AUTO_TEST_CASE(a_chunk_hides_the_ones_before) {
  Loaded model{TinyModel()};
  model.checkpoint->transformer->attention_chunk_size = 70;
  model.decoder.emplace(*model.checkpoint, *model.backend);
  // Tokens 140 to 149 are in one chunk, whatever the pieces in which they arrive.
  Tokens a = repeated(150), b = a;
  b[139] = (a[139] + 1) % 13;
  const auto x = model.logits(a, {100, 49, 1}), y = model.logits(b, {150});
  BOOST_TEST(worst({x.end() - 13, x.end()}, {y.end() - 13, y.end()}) < 1e-5F);
  b[140] = (a[140] + 1) % 13;
  const auto z = model.logits(b, {150});
  BOOST_TEST(worst({x.end() - 13, x.end()}, {z.end() - 13, z.end()}) > 1e-3F);
}

BOOST_AUTO_TEST_CASE(a_window_gives_pages_back) {
  LayerCache cache(2, 4, 4, [](std::int64_t floats) {
    return std::shared_ptr<float>(new float[static_cast<std::size_t>(floats)],
                                  std::default_delete<float[]>());
  });
  cache.grow(200);
  BOOST_TEST(cache.pages_held() == 4);
  cache.forget(130);
  BOOST_TEST(cache.pages_held() == 2);
  cache.forget(-5);
  cache.grow(257);
  BOOST_TEST(cache.pages_held() == 3);
}

BOOST_AUTO_TEST_CASE(bad_tokens_are_refused) {
  Loaded model{TinyModel()};
  BOOST_CHECK_THROW(model.logits({13}, {1}), UsageError);
  BOOST_CHECK_THROW(model.logits({-1}, {1}), UsageError);
  BOOST_CHECK_THROW(generate(*model.decoder, {Tokens{}}, {}), UsageError);
  GenerationOptions none;
  none.max_new_tokens = 0;
  BOOST_CHECK_THROW(generate(*model.decoder, {kPrompt}, none), UsageError);
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused) {
  auto refused = [](const TinyModel& model) { BOOST_CHECK_THROW(Loaded loaded(model), InputError); };
  refused(with("hidden_act", "mish"));
  refused(with("rope_scaling",
               {{"rope_type", "longrope"}, {"short_factor", {1.0, 1.0}}, {"long_factor", {1.0}}}));
  refused(with("rope_scaling", {{"rope_type", "linear"}, {"factor", 0.0}}));
  refused(with("rope_theta", -1.0));
  refused(with("rms_norm_eps", -1.0));
  BOOST_CHECK_NO_THROW(Loaded(with("hidden_act", "gelu")));
}

BOOST_AUTO_TEST_CASE(fields_that_the_decoder_does_not_compute_are_refused) {
  Loaded model{TinyModel()};
  auto refused = [&](const char* field, auto change) {
    TransformerConfig& config = *model.checkpoint->transformer;
    const TransformerConfig before = config;
    change(config);
    BOOST_CHECK_EXCEPTION(Decoder(*model.checkpoint, *model.backend), InputError, tests::message_has(field));
    config = before;
  };
  refused("attention_chunk_size", [](TransformerConfig& c) { c.attention_chunk_size = 0; });
  refused("attention_temperature", [](TransformerConfig& c) { c.attention_temperature = {0, 0.1, 1, true}; });
  refused("linear_attention_freq", [](TransformerConfig& c) { c.linear_attention.emplace(); });
  refused("linear_num_key_heads", [](TransformerConfig& c) {
    c.linear_attention.emplace();
    c.linear_attention->num_key_heads = 3;
  });
  refused("mamba_num_heads", [](TransformerConfig& c) { c.mamba.emplace(); });
  refused("hybrid_layer_pattern",
          [](TransformerConfig& c) { c.mamba = MambaConfig{.num_groups = 2, .num_heads = 4}; });
  refused("mamba_num_groups",
          [](TransformerConfig& c) { c.mamba = MambaConfig{.num_groups = 3, .num_heads = 4}; });
  for (const char* pattern : {"M*", "*E", "*-|*", "*X", "*|"}) {
    refused("hybrid_layer_pattern", [pattern](TransformerConfig& c) { c.hybrid_layer_pattern = pattern; });
  }
  refused("window_layers", [](TransformerConfig& c) {
    c.sliding_window = 4;
    c.window_layers = {1, 0, 1};  // of two layers
  });
  refused("num_query_groups", [](TransformerConfig& c) { c.num_query_groups = 3; });
  refused("norms", [](TransformerConfig& c) { c.pre_norms = false; });
  refused("router", [](TransformerConfig& c) {
    c.moe.emplace();
    c.moe->num_experts = 4;
    c.moe->ffn_hidden_size = 8;
  });
}

BOOST_AUTO_TEST_SUITE_END()
