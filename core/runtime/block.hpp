// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mhub/config/transformer_config.hpp"
#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/weights.hpp"

namespace mhub::runtime {

/// Buffers of a forward pass by purpose; they grow and are used again.
class Workspace {
 public:
  explicit Workspace(Backend& backend) : backend_(backend) {}
  /// A matrix that keeps its contents until the next call with the same name.
  Matrix matrix(const std::string& name, std::int64_t rows, std::int64_t columns);

 private:
  struct Slot {
    std::shared_ptr<float> memory;
    std::int64_t floats = 0;
  };
  Backend& backend_;
  std::map<std::string, Slot> slots_;
};

/// What the layers of one forward pass share.
struct ForwardPass {
  Backend& backend;
  Workspace& workspace;
  Precision precision;
  const RotaryAngles* angles;        ///< of layers that attend to everything; nullptr: no rotary positions
  const RotaryAngles* local_angles;  ///< of layers with a window
  std::vector<Segment> segments;     ///< `cache` is set to that of the layer at hand
  Matrix layer_inputs = {};          ///< of TransformerConfig::layer_embeddings: a part for each layer
  /// Keys and values of layers that others share, by layer.
  struct KeysAndValues {
    Heads keys, values;
  };
  std::map<std::int64_t, KeysAndValues> shared_keys = {};
};

/// What a layer is made from.
struct LayerSource {
  Weights& weights;
  Backend& backend;
  const TransformerConfig& config;
  std::int64_t number;  ///< of the layer, from 0
  std::string prefix;   ///< "decoder.layers.3."
};

/// A linear layer's tensors, "<name>.weight" [rows, columns] and, where the checkpoint has one,
/// "<name>.bias".
struct Linear {
  WeightView weight;
  std::vector<float> bias;

  static Linear load(const LayerSource& source, const std::string& name, std::int64_t rows,
                     std::int64_t columns, Rows needed = Rows::all, Precision lowest = Precision::fast);
  void run(ForwardPass& pass, Matrix in, Matrix out, bool accumulate) const;
};

/// The norm "<name>weight", "<name>bias" of `size`, as the configuration describes norms.
Norm load_norm(Weights& weights, const TransformerConfig& config, const std::string& name, std::int64_t size);

/// How the output of attention or an MLP joins the residual stream: normalized (post norms) and multiplied
/// first where the configuration says so, and number by number where the state has a "....layer_scale".
class Residual {
 public:
  /// `norm` is the name of the post norm, "....post_layernorm.".
  Residual(const LayerSource& source, const std::string& norm);

  /// hidden += the output of `linear` on `in`.
  void add(ForwardPass& pass, const Linear& linear, Matrix in, Matrix hidden) const;
  /// hidden += `out`, which changes.
  void add(ForwardPass& pass, Matrix out, Matrix hidden) const;

 private:
  std::optional<Norm> norm_;
  std::vector<float> scale_;
  float multiplier_;
};

/// Attention or an MLP behind its input norm.
class Block {
 public:
  virtual ~Block() = default;
  /// hidden += block(in); `in` is the normalized input and may change.
  virtual void run(ForwardPass& pass, Matrix in, Matrix hidden) const = 0;
};

/// A block that looks at earlier tokens; it decides what its cache holds of them.
class AttentionBlock : public Block {
 public:
  virtual LayerCache new_cache(LayerCache::Allocate allocate) const = 0;
};

}  // namespace mhub::runtime
