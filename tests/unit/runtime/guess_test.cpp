// SPDX-License-Identifier: Apache-2.0
// Speculative decoding: guesses of the prediction block change how many passes there are, and no token.
#include <cstring>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "convert/any_model.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/generation.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(guess_tests)

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

using Tokens = std::vector<std::int64_t>;

/// An EXAONE 4 with a window of 70 tokens, which is more than a page of the cache, and a prediction block. Of
/// five tokens, guesses come true by chance.
TinyLlama guessing_model() {
  TinyLlama model = any_model({{"architectures", {"Exaone4ForCausalLM"}},
                               {"model_type", "exaone4"},
                               {"hidden_size", 8},
                               {"intermediate_size", 12},
                               {"num_hidden_layers", 3},
                               {"num_attention_heads", 4},
                               {"num_key_value_heads", 2},
                               {"head_dim", 4},
                               {"hidden_act", "silu"},
                               {"max_position_embeddings", 400},
                               {"sliding_window", 70},
                               {"sliding_window_pattern", 2},
                               {"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}},
                               {"num_nextn_predict_layers", 1},
                               {"rope_theta", 10000.0},
                               {"rms_norm_eps", 1e-5},
                               {"vocab_size", 5},
                               {"tie_word_embeddings", false}});
  const auto values = random_values(static_cast<std::int64_t>(model.payload.size() / 4), 11, 0.8F);
  std::memcpy(model.payload.data(), values.data(), model.payload.size());
  return model;
}

struct Opened {
  explicit Opened(const TinyLlama& model) {
    model.write(folder.file("model"));
    checkpoint = open_checkpoint(folder.file("model"));
    backend = make_cpu_backend({2, nullptr});
    decoder.emplace(*checkpoint, *backend);
  }
  GenerationResult generate(const std::vector<Tokens>& prompts, GenerationOptions options,
                            std::optional<bool> use_mtp) {
    options.use_mtp = use_mtp;
    return runtime::generate(*decoder, prompts, options);
  }

  TemporaryFolder folder;
  std::optional<Checkpoint> checkpoint;
  std::unique_ptr<Backend> backend;
  std::optional<Decoder> decoder;
};

const std::vector<Tokens> kPrompts{{1, 4, 0}, {2}, {3, 3, 0, 1, 4, 2, 2}};

/// With guesses and without; the passes that were saved.
std::int64_t check_same(Opened& model, const GenerationOptions& options) {
  const GenerationResult plain = model.generate(kPrompts, options, false);
  const GenerationResult guessed = model.generate(kPrompts, options, true);
  for (std::size_t k = 0; k < kPrompts.size(); ++k) {
    BOOST_TEST(guessed.sequences[k].tokens == plain.sequences[k].tokens, boost::test_tools::per_element());
    BOOST_TEST((guessed.sequences[k].finish == plain.sequences[k].finish));
  }
  BOOST_TEST(plain.timing.guessed_tokens == 0);
  BOOST_TEST(guessed.timing.accepted_tokens > 0);
  BOOST_TEST(guessed.timing.accepted_tokens < guessed.timing.guessed_tokens);
  BOOST_TEST(guessed.timing.decoded_tokens == plain.timing.decoded_tokens);
  return plain.timing.decode_passes - guessed.timing.decode_passes;
}

std::vector<float> logits(Opened& model, SequenceCache& sequence, const Tokens& tokens,
                          std::int64_t tentative) {
  const Decoder::Step step{&sequence, tokens, {}, {}, {}, tentative};
  const Matrix out = model.decoder->forward({&step, 1}, Decoder::Logits::last);
  std::vector<float> values(static_cast<std::size_t>(out.columns));
  model.backend->read(out, values);
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(guesses_change_no_token) {
  Opened model(guessing_model());
  BOOST_TEST(model.decoder->can_guess());
  GenerationOptions options;
  options.max_new_tokens = 300;
  BOOST_TEST(check_same(model, options) > 0);
  options.sampling.do_sample = true;
  options.seed = 5;
  BOOST_TEST(check_same(model, options) > 0);
  options.rules.repetition_penalty = 1.2;
  BOOST_TEST(check_same(model, options) > 0);
}

BOOST_AUTO_TEST_CASE(a_sequence_ends_where_it_would_without) {
  Opened model(guessing_model());
  GenerationOptions options;
  options.sampling.do_sample = true;
  options.max_new_tokens = 1000;  // the context ends first
  check_same(model, options);
  options.max_new_tokens = 41;
  check_same(model, options);
  std::vector<std::size_t> seen(kPrompts.size());
  options.on_token = [&](std::size_t sequence, std::int64_t) {
    return ++seen[sequence] % (30 + sequence) == 0;
  };
  check_same(model, options);
  options.on_token = {};
  for (options.seed = 0; options.seed < 20; ++options.seed) {
    options.eos_token_ids = {static_cast<std::int64_t>(options.seed % 5)};
    const auto plain = model.generate(kPrompts, options, false),
               guessed = model.generate(kPrompts, options, true);
    for (std::size_t k = 0; k < kPrompts.size(); ++k)
      BOOST_TEST(guessed.sequences[k].tokens == plain.sequences[k].tokens, boost::test_tools::per_element());
  }
}

/// A token that is taken back has given back no page that the window of the next one still reaches.
BOOST_AUTO_TEST_CASE(what_is_taken_back_leaves_no_trace) {
  Opened model(guessing_model());
  for (std::size_t length = 120; length < 150; ++length) {
    Tokens tokens;
    for (std::size_t k = 0; k < length; ++k) tokens.push_back(static_cast<std::int64_t>(k * k % 5));
    SequenceCache plain = model.decoder->new_sequence(), tried = model.decoder->new_sequence();
    logits(model, plain, tokens, 0);
    const std::vector<float> expected = logits(model, plain, {3, 1}, 0);
    logits(model, tried, tokens, 0);
    logits(model, tried, {3, 4}, 1);
    model.decoder->take_back(tried, 1);
    const std::vector<float> found = logits(model, tried, {1}, 0);
    for (std::size_t k = 0; k < expected.size(); ++k) BOOST_TEST(std::abs(found[k] - expected[k]) < 1e-5F);
  }
}

BOOST_AUTO_TEST_CASE(poor_guesses_are_given_up) {
  TinyLlama model = guessing_model();
  Opened opened(model);
  GenerationOptions options;
  options.max_new_tokens = 300;
  const GenerationResult always = opened.generate({kPrompts[0]}, options, true),
                         free = opened.generate({kPrompts[0]}, options, {});
  BOOST_TEST(free.timing.guessed_tokens >= 16);
  BOOST_TEST(free.timing.guessed_tokens <= always.timing.guessed_tokens);
  BOOST_TEST(free.sequences[0].tokens == always.sequences[0].tokens, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_model_without_a_block_refuses_them) {
  Opened model{TinyModel()};
  BOOST_TEST(!model.decoder->can_guess());
  BOOST_TEST(model.generate({{1, 2}}, {}, {}).timing.guessed_tokens == 0);
  BOOST_CHECK_EXCEPTION(model.generate({{1, 2}}, {}, true), UsageError,
                        message_has("use_mtp", "leave it out"));
}

BOOST_AUTO_TEST_SUITE_END()
