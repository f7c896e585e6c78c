#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mhub/model/transformer_config.hpp"
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
  const RotaryAngles* angles;     ///< nullptr: no rotary positions
  std::vector<Segment> segments;  ///< `cache` is set to that of the layer at hand
};

/// A linear layer's tensors, "<name>.weight" [rows, columns] and, where the checkpoint has one,
/// "<name>.bias".
struct Linear {
  WeightView weight;
  std::vector<float> bias;

  static Linear load(Weights& weights, Backend& backend, const std::string& name, std::int64_t rows,
                     std::int64_t columns);
  void run(ForwardPass& pass, Matrix in, Matrix out, bool accumulate) const;
};

/// The norm "<name>weight", "<name>bias" of `size` as the configuration describes it.
Norm load_norm(Weights& weights, const TransformerConfig& config, const std::string& name, std::int64_t size);

/// The norm in front of a linear layer: TransformerEngine's fused name, "<linear>.layer_norm_weight", or a
/// module of its own, "<module>.weight".
Norm load_input_norm(Weights& weights, const TransformerConfig& config, const std::string& linear,
                     const std::string& module, std::int64_t size);

/// Self-attention with its input norm: hidden += proj(attention(rope(qkv(norm(hidden))))).
class AttentionLayer {
 public:
  AttentionLayer(Weights& weights, Backend& backend, const TransformerConfig& config,
                 const std::string& prefix);
  void run(ForwardPass& pass, Matrix hidden) const;

 private:
  std::int64_t groups_, heads_, dim_;  ///< heads per group
  Norm norm_;
  Linear qkv_, proj_;
  std::optional<Norm> query_norm_, key_norm_;
  AttentionOptions options_;
};

/// MLP with its input norm: hidden += fc2(act(fc1(norm(hidden)))).
class MlpLayer {
 public:
  MlpLayer(Weights& weights, Backend& backend, const TransformerConfig& config, const std::string& prefix);
  void run(ForwardPass& pass, Matrix hidden) const;

 private:
  std::int64_t ffn_;
  Norm norm_;
  Linear fc1_, fc2_;
  Activation activation_;
};

}  // namespace mhub::runtime
