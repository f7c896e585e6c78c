// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/block.hpp"
#include "mhub/runtime/kv_cache.hpp"
#include "mhub/runtime/rotary.hpp"

namespace mhub::runtime {

class LayerInputs;
class LayerStack;
class PredictionBlock;

/// A decoder-only transformer over the canonical (Megatron-named) state of any checkpoint: a composition of
/// layers that the configuration describes, on a backend. It knows no architecture by name; what it does not
/// support is refused when it is made. Borrows the checkpoint and the backend. Not thread-safe.
class Decoder {
 public:
  /// Weights keep their stored type unless another one is given. Throws InputError for a configuration or a
  /// tensor that is not supported.
  Decoder(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype = {});

  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  /// Asked between layers; once it is true, `forward` ends with Interrupted.
  void stop_when(std::function<bool()> cancelled) { cancelled_ = std::move(cancelled); }

  /// Called with the tokens' states as they are computed: how many layers they have gone through (0: the
  /// embeddings; layers + 1: behind the final norm) and the states [tokens, hidden_size], valid during the
  /// call.
  void observe(std::function<void(std::size_t passed, Matrix hidden)> observer) {
    observer_ = std::move(observer);
  }

  std::int64_t vocab_size() const { return config_.vocab_size; }
  const TransformerConfig& config() const { return config_; }
  Backend& backend() const { return backend_; }
  /// Bytes of weights that had to be copied because the file does not hold them as they are needed.
  std::uint64_t gathered_bytes() const { return weights_.gathered_bytes(); }

  /// An empty sequence.
  SequenceCache new_sequence() const;
  /// Throws UsageError when sequences of the model cannot be so long (context_length.hpp).
  void require_length(std::int64_t length) const;
  /// Whether what a sequence's cache holds is of no use when it grows to `length` tokens: run all its tokens
  /// again, in a new sequence (Rotary::restarts_at).
  bool restarts_at(std::int64_t length) const;

  /// What takes the place of token embeddings: [rows, hidden_size], from a position of the sequence on.
  struct Features {
    std::int64_t position;
    std::span<const float> values;
    /// As many numbers each: the first of them are added behind the first layer, and so on.
    std::vector<std::span<const float>> deep = {};
  };
  /// The next tokens of one sequence; of its features and its tokens that see each other, those that fall on
  /// these tokens count.
  struct Step {
    SequenceCache* sequence;
    std::span<const std::int64_t> tokens;
    std::span<const Features> features = {};
    std::span<const TokenSpan> together = {};  ///< Segment::together
    /// All pictures of the sequence up to these tokens, for models with MultiAxisRotary.
    std::span<const TokenGrid> grids = {};
    std::int64_t tentative = 0;  ///< so many of the last tokens may be taken back (take_back)
  };
  /// Of which tokens the logits are wanted.
  enum class Logits {
    none,
    last,  ///< of each step's last token, one row a step
    all    ///< of every token, step after step
  };
  /// Runs tokens through the model and appends them to their sequences; sequences of one call are independent
  /// and may differ in length. The result [rows, vocab_size] is valid until the next call. Throws UsageError
  /// for a token outside the vocabulary, an empty step or a sequence beyond the model's context.
  Matrix forward(std::span<const Step> steps, Logits wanted, Precision precision = Precision::exact);
  /// The same up to the final norm, without the output layer: [tokens, hidden_size], step after step.
  Matrix hidden_states(std::span<const Step> steps);

  /// Whether the model can guess the token behind the next one: it has a prediction block (multi-token
  /// prediction), and tokens can be taken back from a sequence: no layer sums them up in a state, and angles
  /// do not depend on how long a sequence is.
  bool can_guess() const { return can_guess_; }
  /// Takes back tokens of a sequence's last step, no more than were tentative.
  void take_back(SequenceCache& sequence, std::int64_t count) const { sequence.length -= count; }
  /// The model's output for the tokens of the last `forward`, behind its final norm: [tokens, hidden_size],
  /// step after step, valid until the next one.
  Matrix states();
  /// Tokens of a sequence of texts that the prediction block has not seen, in their order.
  struct Seen {
    SequenceCache* sequence;
    Matrix states;                       ///< of these tokens (states())
    std::span<const std::int64_t> next;  ///< the token behind each of them
  };
  /// Shows the prediction block tokens; where guesses are `wanted`, what comes behind the last `next` of each
  /// sequence. A guess is the block's most likely token. Ends the validity of logits.
  std::vector<std::int64_t> guess(std::span<const Seen> seen, bool wanted, Precision precision);

 private:
  /// Of the tokens of a pass, for layers that attend to everything and for those with a window.
  struct Angles {
    RotaryAngles all, local;
  };

  void check(std::span<const Step> steps) const;
  /// Appends those of tokens [begin, begin + count) of a sequence of `length` tokens.
  void append_angles(std::int64_t begin, std::int64_t count, std::int64_t length,
                     std::span<const TokenGrid> grids, Angles& angles) const;
  void set_angles(const Angles& angles, ForwardPass& pass) const;
  void embed(std::span<const std::int64_t> ids, std::span<const std::int64_t> positions, Matrix hidden);
  void place_features(std::span<const Step> steps, const ForwardPass& pass, Matrix hidden);
  void add_deep_features(std::span<const Step> steps, const ForwardPass& pass, std::size_t layer,
                         Matrix hidden);
  Matrix run(ForwardPass& pass, std::span<const Step> steps);
  Matrix head(ForwardPass& pass, std::span<const Step> steps, Logits wanted, Matrix hidden);
  Matrix logits_of(ForwardPass& pass, Matrix normed);
  /// Those rows.
  Matrix picked(Matrix hidden, std::span<const std::int64_t> rows);
  const PredictionBlock& prediction_block();

  TransformerConfig config_;
  Backend& backend_;
  Workspace workspace_;
  Weights weights_;  ///< for what is loaded when it is first used
  WeightView word_embeddings_, position_embeddings_;
  std::unique_ptr<LayerInputs> layer_inputs_;
  std::unique_ptr<LayerStack> layers_;
  Norm final_norm_;
  Linear output_;
  std::vector<float> output_scale_;  ///< of the logits, where the output layer's rows count as length 1
  std::optional<Rotary> rotary_, local_rotary_;
  std::unique_ptr<PredictionBlock> prediction_;
  bool can_guess_ = false;
  Matrix hidden_;  ///< of the last pass, in front of the final norm
  std::function<bool()> cancelled_;
  std::function<void(std::size_t, Matrix)> observer_;
};

}  // namespace mhub::runtime
