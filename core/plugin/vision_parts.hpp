// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// What a model that puts pictures and texts into one space (CLIP) has beside its vision transformer, whose
/// tensors are the model's canonical ones. All of this is carried: names are Hugging Face's.
struct DualEncoderParts {
  nlohmann::json text_config;  ///< config.json of the text tower's own class
  std::string text_names;      ///< what the model puts in front of that class's tensor names
  std::string image_norm;      ///< of the class token, "....": has a weight and a bias
  std::string image_projection, text_projection, logit_scale;  ///< whole names
  std::int64_t projection_dim = 0;
  /// The token whose state stands for the text, at its first place; nothing: the largest token.
  std::optional<std::int64_t> end_token = {};
  std::string image_processor_type = {};  ///< where the files do not say
};

/// Rotation of queries and keys by where a patch stands. Of a head's d / 2 pairs one half turns with the row,
/// the other with the column, each with the frequencies theta^(-4k / d), k < d / 4.
struct PatchRotation {
  double theta = 10000.0;
  bool columns_first = false;  ///< the first half of the pairs is the columns'
  /// The columns' frequencies lie between the rows', theta^(-(4k + 2) / d) (Pixtral).
  bool columns_between = false;
  std::int64_t first_position = 0;  ///< of the first row and column
  bool interleaved = false;         ///< RotaryAngles::interleaved
};

/// How a vision transformer makes tokens of pixels and how they see each other, beyond its layers
/// (TransformerConfig). Its canonical tensors are called as Megatron-Core's CLIPViTModel calls them, with
/// "conv1.weight" [hidden_size, 3, frames, patch_size, patch_size] where there are frames. What attention and
/// the MLP of a layer give is multiplied by "....linear_proj.layer_scale" and "....linear_fc2.layer_scale",
/// where the state has these.
struct TowerParts {
  enum class ClassToken { none, first, last };
  enum class Positions {
    none,
    learned,       ///< one for each token of a tile
    interpolated,  ///< a square of them, between which patches of any grid lie (Qwen3-VL)
    bicubic        ///< the same, with torch's bicubic filter (GLM-4.1V)
  };
  std::int64_t patch_size = 0;  ///< pixels along a side
  /// Pixels along a side of a tile; 0: pictures have a shape of their own.
  std::int64_t image_size = 0;
  std::int64_t most_per_side = 0;  ///< patches along a side of a picture of its own shape; 0: any
  /// Pictures come as patches already, `merge` x `merge` that lie side by side one after another, each so
  /// many frames (temporal_patch_size); 0: they come as pixels.
  std::int64_t merge = 0, frames = 1;
  ClassToken class_token = ClassToken::none;
  Positions positions = Positions::none;
  std::int64_t positions_per_side = 0;  ///< of an interpolated square
  std::optional<PatchRotation> rotation;
  bool patch_norm = false;                   ///< "ln_patch.", of patches in front of their positions
  bool pre_norm = false, post_norm = false;  ///< "ln_pre." and "ln_post.", around the layers
  /// Squares of `merge` patches along a side of the windows in which tokens see each other, but for layers
  /// that see everything; 0: all do.
  std::int64_t window = 0;
  std::vector<std::int64_t> full_layers;
};

// What stands between a vision transformer and the decoder, in the order in which it runs. Tensors are named
// by what comes before "weight" and "bias".

/// Squares of tokens become their mean, so that so many remain along a side.
struct AveragePool {
  std::int64_t tokens_per_side = 0;
};
/// Squares of side * side tokens become one that is as much wider: their numbers one after another, token by
/// token or, `by_channel`, number by number (torch's unfold).
struct MergeTokens {
  std::int64_t side = 2;
  bool by_channel = false;
};
struct ProjectorNorm {
  std::string tensor;
  Normalization kind = Normalization::rms;
  double epsilon = 1e-6;
  bool zero_centered = false;  ///< the weight is stored minus one
};
/// The bias where there is one.
struct ProjectorLinear {
  std::string tensor;
  std::int64_t out = 0;
  bool transposed = false;     ///< stored [in, out], and `tensor` is the whole name
  std::int64_t convolved = 0;  ///< stored as a convolution's, [out, in / side^2, side, side], with this side
};
/// activation(gate x) * (up x), as in a gated MLP.
struct ProjectorGate {
  std::string gate, up;
  std::int64_t out = 0;
  ActivationFunction activation = ActivationFunction::silu;
};
using ProjectorStep =
    std::variant<AveragePool, MergeTokens, ProjectorNorm, ProjectorLinear, ProjectorGate, ActivationFunction>;

/// Features of an earlier layer of the tower that are added to a picture's tokens inside the decoder
/// (Qwen3-VL's deepstack): the first of them behind the decoder's first layer, and so on.
struct DeepFeatures {
  std::int64_t tower_layer = 0;  ///< behind which they are taken, from 0
  std::vector<ProjectorStep> projector;
};

/// Rotary positions of a model whose pictures' tokens have a row and a column beside their place in the
/// sequence (mRoPE): so many pairs of a head turn with each.
struct MultiAxisRotary {
  std::array<std::int64_t, 3> sections{};  ///< of place, row, column
  bool interleaved = false;  ///< place, row, column, place, row, column ...; else one section behind another
};

/// How a model sees that carries its tower: names are Hugging Face's. Of a model that has its tower in
/// Megatron's (TransformerConfig::vision), what that does not say.
struct VisionParts {
  nlohmann::json tower_config;  ///< config.json of the tower's own class
  std::string tower_names;      ///< what the model puts in front of that class's tensor names
  /// The layer of the tower that features come from, counted from 1; 0: all of the tower, and its last norm.
  std::int64_t feature_layer = 0;
  std::vector<ProjectorStep> projector;
  std::vector<DeepFeatures> deep;
  std::string row_end;  ///< the tensor behind each row of a picture that is cut into tiles (LLaVA-NeXT)
  /// Where there is `row_end`: a picture's tokens are as many as those of so many tiles at most, bilinearly
  /// between what there is where that is more than a tenth too much along a side (LLaVA-OneVision's
  /// anyres_max); 0: any.
  std::int64_t most_tiles = 0;
  std::int64_t image_token = 0;  ///< of the prompt: its embedding is replaced
  bool picture_at_once = false;  ///< tokens of a picture see each other in the decoder
  bool prompt_at_once = false;   ///< so do all of a prompt with a picture (PaliGemma)
  std::optional<MultiAxisRotary> rotary;
  std::string processor_class;  ///< where the files do not say
  std::string image_processor_type;
  /// "image_grid_pinpoints": by what the model counts the tiles of a picture; null where it has none.
  nlohmann::json tile_grids = {};
};

}  // namespace mhub
