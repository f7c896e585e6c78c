// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mhub/runtime/kv_cache.hpp"
#include "mhub/runtime/matrix.hpp"
#include "mhub/runtime/weight_view.hpp"

namespace mhub::runtime {

/// A normalization with its parameters in float32. `weight` has any offset already added (zero-centred
/// gamma); an empty weight is 1, an empty bias 0.
struct Norm {
  NormKind kind = NormKind::rms;
  double epsilon = 1e-5;
  std::vector<float> weight, bias;
};

/// Cosines and sines of a forward pass: row t holds `dim / 2` of each, for token t.
struct RotaryAngles {
  std::vector<float> cos, sin;
  std::int64_t dim = 0;      ///< leading dimensions of a head that are rotated
  bool interleaved = false;  ///< pairs (0, 1), (2, 3) ... instead of (0, dim / 2), (1, dim / 2 + 1) ...
};

/// Tokens [begin, end) of a sequence, by position.
struct TokenSpan {
  std::int64_t begin = 0, end = 0;
};

/// Consecutive rows of a forward pass that belong to one sequence.
struct Segment {
  std::int64_t first_row = 0, rows = 0;
  std::int64_t position = 0;    ///< of its first token in the sequence
  LayerCache* cache = nullptr;  ///< of the layer at hand: holds the tokens before `position`
  /// Tokens of one of these see each other, later ones and beyond a window too: those of a picture. In order,
  /// apart, and each runs in one pass.
  std::span<const TokenSpan> together = {};
  std::int64_t tentative = 0;  ///< so many of the last rows may be taken back: what they hide is kept

  /// The first position that a later segment may begin with.
  std::int64_t next_position() const { return position + rows - tentative; }
};

/// What an attention layer computes beyond softmax(scale q k) v with a causal mask.
struct AttentionOptions {
  float scale = 1.0F;
  std::int64_t window = 0;   ///< tokens that a query sees, itself included; 0: all before it
  std::int64_t chunk = 0;    ///< a query sees its own chunk of so many tokens; 0: all before it
  float soft_cap = 0.0F;     ///< scores become cap * tanh(score / cap); 0: they stay
  std::vector<float> sinks;  ///< per query head, a score of no token that takes part in the softmax
};

/// A gated delta net between its projections (Megatron-Core's ssm/gated_delta_net, transformers'
/// torch_recurrent_gated_delta_rule).
struct DeltaNet {
  std::int64_t key_heads = 0, value_heads = 0;  ///< as many value heads for each key head
  std::int64_t key_dim = 0, value_dim = 0;      ///< of a head
  std::int64_t kernel = 0;                      ///< tokens that the convolution sees
  std::vector<float> convolution;               ///< [2 keys() + values(), kernel]
  std::vector<float> rate, dt_bias;             ///< one a value head; rate is exp(A_log)
  Norm norm;                                    ///< of a value head's output

  std::int64_t keys() const { return key_heads * key_dim; }
  std::int64_t values() const { return value_heads * value_dim; }
};

/// A Mamba-2 mixer between its projections (Megatron-Core's ssm/mamba_mixer.py, transformers' Mamba2
/// torch_forward). The heads of a group share B and C. A time step has no limits: MambaMixer and
/// transformers' CUDA path know none, and the floor of its torch path (time_step_min) is below what models
/// have.
struct MambaMixer {
  std::int64_t heads = 0, groups = 0;  ///< as many heads for each group
  std::int64_t head_dim = 0, state_dim = 0;
  std::int64_t kernel = 0;                 ///< tokens that the convolution sees
  std::vector<float> convolution;          ///< [kernel, channels()], the oldest token's weights first
  std::vector<float> convolution_bias;     ///< [channels()]
  std::vector<float> rate, dt_bias, skip;  ///< one a head; rate is exp(A_log), skip is D
  Norm norm;  ///< of each group's output behind its gate: [inner()] weights, inner() / groups numbers a norm

  std::int64_t inner() const { return heads * head_dim; }
  std::int64_t states() const { return groups * state_dim; }
  std::int64_t channels() const { return inner() + 2 * states(); }     ///< [x; B; C]
  std::int64_t width() const { return inner() + channels() + heads; }  ///< [z; x; B; C; dt]
};

/// How linear operators treat activations.
enum class Precision {
  exact,  ///< products and sums in float32
  fast  ///< activations may be rounded to the weights' type in front of a product, where hardware multiplies
        ///< that type; a CPU does so for long prompts on bfloat16 weights only
};

/// Which rows of a weight a token needs.
enum class Rows {
  all,
  some  ///< an embedding table's, an expert's
};

/// The operators of a decoder on one kind of device. Matrices of one call never overlap unless they are said
/// to be changed in place. An implementation owns the device, its memory and its threads; one caller at a
/// time.
class Backend {
 public:
  virtual ~Backend() = default;
  /// For people: "cpu (avx512, 2 threads)".
  virtual std::string describe() const = 0;

  /// Memory for activations, not initialised.
  virtual std::shared_ptr<float> allocate(std::int64_t floats) = 0;
  /// Memory for one page of a LayerCache, with room for `floats` numbers in whatever type and order the
  /// backend keeps keys and values.
  virtual std::shared_ptr<float> allocate_cache_page(std::int64_t floats) { return allocate(floats); }
  /// The view in this device's memory. On a CPU that is the same bytes; those of a matrix whose rows are all
  /// `needed` at every token are mapped at once, which is faster than page by page. `precision` is the lowest
  /// with which the matrix will be multiplied: a device may round what is never multiplied exactly.
  virtual WeightView place(const WeightView& view, Rows needed, Precision precision = Precision::fast) = 0;

  /// out[t] = table[ids[t]] (ids lie inside the table), added to what is there when `accumulate`.
  virtual void embed(const WeightView& table, std::span<const std::int64_t> ids, bool accumulate,
                     Matrix out) = 0;
  /// out = norm(in), row by row; `in` and `out` may be the same matrix.
  virtual void normalize(const Norm& norm, Matrix in, Matrix out) = 0;
  /// Normalizes every head in place.
  virtual void normalize(const Norm& norm, Heads heads) = 0;
  /// Normalizes all heads of a token together, in place; the weight holds them group by group.
  virtual void normalize_joint(const Norm& norm, Heads heads) = 0;
  /// out = in weight^T + bias (empty: none), added to what is there when `accumulate`.
  virtual void linear(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                      bool accumulate, Precision precision) = 0;
  /// out[t] = act(in[t]); `in` may change.
  virtual void activate(const Activation& activation, Matrix in, Matrix out) = 0;
  /// Both: out = act(in weight^T + bias). `wide` has room for what the activation is given.
  virtual void linear_activate(const WeightView& weight, std::span<const float> bias,
                               const Activation& activation, Matrix in, Matrix wide, Matrix out,
                               Precision precision) {
    linear(weight, bias, in, wide, false, precision);
    activate(activation, wide, out);
  }
  /// Rotates heads in place.
  virtual void rotate(const RotaryAngles& angles, Heads heads) = 0;
  /// Appends keys and values (one head a group) to the segments' caches, then attends. Row t of `out` gets
  /// the heads of token t one after another, group by group.
  virtual void attend(const AttentionOptions& options, Heads queries, Heads keys, Heads values,
                      std::span<const Segment> segments, Matrix out) = 0;
  /// Row t of `in` is [q; k; v; z; beta; alpha] of token t (2 keys() + 2 values() + 2 value_heads numbers),
  /// row t of `out` its values(). The segments' caches hold a state (LayerCache::state).
  virtual void delta_net(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out) = 0;
  /// Row t of `in` is [z; x; B; C; dt] of token t and may change, row t of `out` its inner() numbers. The
  /// caches as above.
  virtual void mamba(const MambaMixer& mixer, Matrix in, std::span<const Segment> segments, Matrix out) = 0;
  /// Row t of out *= sigmoid of token t's gates, head after head.
  virtual void gate(Heads gates, Matrix out) = 0;
  /// The values of a matrix on the host, row after row; `out` has rows * columns floats.
  virtual void read(Matrix in, std::span<float> out) = 0;
  /// The other way.
  virtual void write(std::span<const float> in, Matrix out) = 0;
  /// Of each row the `count` largest numbers (at most its columns) in the order of ranks_before, row after
  /// row.
  virtual std::vector<RowEntry> largest(Matrix in, std::int64_t count) = 0;
  /// out = in.
  virtual void copy(Matrix in, Matrix out) = 0;
  /// Copies heads of equal numbers and sizes; `in` may repeat one group (group_stride 0).
  virtual void copy(Heads in, Heads out) = 0;
  virtual void fill(Matrix out, float value) = 0;
  /// out += factor * in.
  virtual void add(Matrix in, float factor, Matrix out) = 0;
  /// out *= factor.
  virtual void scale(float factor, Matrix out) = 0;
  /// Column k of out *= factors[k].
  virtual void scale_columns(std::span<const float> factors, Matrix out) = 0;
  /// out = cap * tanh(out / cap).
  virtual void soft_cap(float cap, Matrix out) = 0;
  /// out[k] = factors[k] * in[rows[k]].
  virtual void gather_rows(Matrix in, std::span<const std::int64_t> rows, std::span<const float> factors,
                           Matrix out) = 0;
  /// out[rows[k]] += factors[k] * in[k]; the rows differ.
  virtual void scatter_add_rows(Matrix in, std::span<const std::int64_t> rows, std::span<const float> factors,
                                Matrix out) = 0;
};

}  // namespace mhub::runtime
