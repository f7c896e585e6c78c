// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace mhub::runtime {

/// Keys and values of one layer and one sequence in pages of `kTokens` tokens that are allocated as the
/// sequence grows and given back when a sliding window has left them. Of a page, the keys are [groups,
/// key_dim, kTokens] (transposed, so that scores of neighbouring tokens are neighbours) and the values
/// [groups, kTokens, value_dim].
class LayerCache {
 public:
  static constexpr std::int64_t kTokens = 64;
  struct Page {
    std::shared_ptr<float> keys, values;
  };
  using Allocate = std::function<std::shared_ptr<float>(std::int64_t floats)>;

  LayerCache(std::int64_t groups, std::int64_t key_dim, std::int64_t value_dim, Allocate allocate)
      : groups_(groups), key_dim_(key_dim), value_dim_(value_dim), allocate_(std::move(allocate)) {}

  std::int64_t groups() const { return groups_; }
  std::int64_t key_dim() const { return key_dim_; }
  std::int64_t value_dim() const { return value_dim_; }

  /// Makes room for tokens up to `length`.
  void grow(std::int64_t length);
  /// Gives back the pages whose tokens are all before `position`.
  void forget(std::int64_t position);
  /// The page of a token that has been grown to and not been forgotten.
  const Page& page(std::int64_t token) const { return pages_[static_cast<std::size_t>(token / kTokens)]; }
  /// What a layer without keys and values keeps of a sequence: `floats` numbers, the same at every call. They
  /// mean nothing until the layer has set them.
  float* state(std::int64_t floats) {
    if (!state_) state_ = allocate_(floats);
    return state_.get();
  }
  /// Pages held now.
  std::int64_t pages_held() const;

 private:
  std::int64_t groups_, key_dim_, value_dim_;
  Allocate allocate_;
  std::vector<Page> pages_;
  std::shared_ptr<float> state_;
  std::size_t forgotten_ = 0;  ///< leading pages that have been given back
};

/// The state of one sequence: a cache per layer and how many tokens they hold.
struct SequenceCache {
  std::vector<LayerCache> layers;
  std::int64_t length = 0;
  /// How long the sequence is going to be at least, where that is known: a prompt that runs in pieces gets
  /// the rotary frequencies of its whole length (dynamic and longrope scaling depend on it).
  std::int64_t expected_length = 0;
  /// Of the prediction block, which has seen so many tokens (Decoder::guess).
  std::optional<LayerCache> prediction = {};
  std::int64_t predicted = 0;
};

}  // namespace mhub::runtime
