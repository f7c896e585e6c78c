// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/dual_encoder.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <ostream>

#include "mhub/base/error.hpp"
#include "mhub/formats/model_part.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/pretrained/inspection.hpp"
#include "mhub/runtime/decoder.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "mhub/runtime/vision_transformer.hpp"

namespace mhub {
namespace {

using runtime::Linear;
using runtime::Matrix;

/// Each row divided by its length.
void normalize_rows(std::vector<float>& rows, std::int64_t width) {
  for (auto row = rows.begin(); row != rows.end(); row += width) {
    const float length = std::sqrt(std::inner_product(row, row + width, row, 0.0F));
    for (auto number = row; number != row + width; ++number) *number /= length;
  }
}

}  // namespace

struct DualEncoder::Parts {
  Checkpoint checkpoint;
  LoadOptions options;
  VisionProcessor::Options pictures;
  DualEncoderParts names;
  std::unique_ptr<ImageProcessor> processor = {};
  std::optional<Tokenizer> tokenizer = {};
  std::unique_ptr<runtime::Backend> backend = {};
  std::unique_ptr<runtime::Workspace> workspace = {};
  std::unique_ptr<runtime::VisionTransformer> tower = {};
  std::optional<runtime::Norm> image_norm = {};
  std::optional<Linear> image_projection = {}, text_projection = {};
  std::optional<Checkpoint> text = {};  ///< borrows `checkpoint`
  std::unique_ptr<runtime::Decoder> decoder = {};

  runtime::Backend& running() {
    if (!backend) {
      backend = runtime::make_backend({"cpu", options.threads});
      workspace = std::make_unique<runtime::Workspace>(*backend);
    }
    return *backend;
  }
  runtime::Weights carried() const {
    return runtime::Weights(checkpoint, options.dtype).inside(std::string(kCarriedPrefix));
  }
  Linear projection(const std::string& name, std::int64_t width) {
    runtime::Weights weights = carried();
    return {running().place(weights.matrix(name, names.projection_dim, width), runtime::Rows::all), {}};
  }
  /// Rows [count, width] through a projection.
  std::vector<float> projected(const Linear& projection, std::span<const float> rows, std::int64_t width,
                               const std::optional<runtime::Norm>& norm) {
    runtime::Backend& on = running();
    const std::int64_t count = static_cast<std::int64_t>(rows.size()) / width;
    const Matrix in = workspace->matrix("in", count, width);
    const Matrix out = workspace->matrix("out", count, names.projection_dim);
    on.write(rows, in);
    if (norm) on.normalize(*norm, in, in);
    on.linear(projection.weight, {}, in, out, false, runtime::Precision::exact);
    std::vector<float> result(static_cast<std::size_t>(count * names.projection_dim));
    on.read(out, result);
    return result;
  }
  void open_images() {
    if (tower) return;
    const TransformerConfig& config = *checkpoint.transformer;
    tower = std::make_unique<runtime::VisionTransformer>(
        runtime::Weights(checkpoint, options.dtype), running(), config,
        runtime::clip_vit_parts(*config.image, checkpoint.path));
    runtime::Weights weights = carried();
    image_norm = runtime::load_norm(weights, config, names.image_norm, config.hidden_size);
    image_projection = projection(names.image_projection, config.hidden_size);
  }
  void open_texts() {
    if (decoder) return;
    const ConfigPart part(names.text_config, "the text tower");
    text = part_of(checkpoint, part.model, part.config, names.text_names).checkpoint;
    decoder = std::make_unique<runtime::Decoder>(*text, running(), options.dtype);
    decoder->stop_when(options.cancelled);
    text_projection = projection(names.text_projection, text->transformer->hidden_size);
  }
  /// Where the token stands whose state is the text's.
  std::size_t end_of(const std::vector<std::int64_t>& ids, const std::string& text_of) const {
    const auto end = names.end_token ? std::find(ids.begin(), ids.end(), *names.end_token)
                                     : std::max_element(ids.begin(), ids.end());
    if (end == ids.end())
      throw InputError(checkpoint.path + ": the tokenizer does not end \"" + text_of.substr(0, 40) +
                       "\" with token " + std::to_string(*names.end_token) +
                       " (eos_token_id of text_config)");
    return static_cast<std::size_t>(end - ids.begin());
  }
};

DualEncoder::DualEncoder(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DualEncoder::DualEncoder(DualEncoder&&) noexcept = default;
DualEncoder& DualEncoder::operator=(DualEncoder&&) noexcept = default;
DualEncoder::~DualEncoder() = default;

DualEncoder DualEncoder::from_pretrained(const std::string& source, const LoadOptions& options,
                                         const VisionProcessor::Options& pictures) {
  if (options.device != "cpu")
    throw UsageError("device " + options.device + ": such models run on the CPU alone");
  OpenOptions open;
  open.hf_reference = options.hf_reference;
  open.callbacks = options.download;
  Checkpoint checkpoint = open_checkpoint(source, open);
  if (checkpoint.model == nullptr) throw InputError(checkpoint.unknown_model);
  if (!checkpoint.model->dual_encoder)
    throw InputError(source + ": a " + checkpoint.model->class_name +
                     " does not put pictures and texts into one space, as CLIPModel does");
  DualEncoderParts names = checkpoint.model->dual_encoder(*checkpoint.config);
  return DualEncoder(
      std::unique_ptr<Parts>(new Parts{std::move(checkpoint), options, pictures, std::move(names)}));
}

const Checkpoint& DualEncoder::checkpoint() const { return parts_->checkpoint; }

std::int64_t DualEncoder::projection_dim() const { return parts_->names.projection_dim; }

const ImageProcessor& DualEncoder::image_processor() {
  if (!parts_->processor) {
    if (checkpoint().files == nullptr)
      throw InputError(checkpoint().path + ": has no files that say how pictures are processed");
    VisionProcessor::Options pictures = parts_->pictures;
    if (pictures.image_processor_type.empty())
      pictures.image_processor_type = parts_->names.image_processor_type;
    parts_->processor = image_processor_from_files(*checkpoint().files, pictures);
  }
  return *parts_->processor;
}

const Tokenizer& DualEncoder::tokenizer() {
  if (!parts_->tokenizer) {
    if (checkpoint().files == nullptr || !Tokenizer::is_in(*checkpoint().files))
      throw InputError(checkpoint().path + ": has no tokenizer");
    parts_->tokenizer = Tokenizer::from_files(*checkpoint().files);
  }
  return *parts_->tokenizer;
}

std::vector<float> DualEncoder::image_features(const std::vector<ImageInput>& images) {
  parts_->open_images();
  runtime::VisionTransformer& tower = *parts_->tower;
  const std::int64_t width = tower.hidden_size();
  std::vector<float> class_tokens;
  for (std::size_t k = 0; k < images.size(); ++k) {
    const auto [picture, name] = read_input(images[k], k);
    const std::vector<float> tokens = tower.run(image_processor().process(picture, name)).class_tokens;
    class_tokens.insert(class_tokens.end(), tokens.begin(), tokens.end());
  }
  return parts_->projected(*parts_->image_projection, class_tokens, width, parts_->image_norm);
}

std::vector<float> DualEncoder::text_features(const std::vector<std::string>& texts) {
  parts_->open_texts();
  runtime::Decoder& decoder = *parts_->decoder;
  const std::int64_t width = decoder.config().hidden_size;
  std::vector<float> states;
  for (const std::string& text : texts) {
    const TokenIds tokens = tokenizer().encode(text);
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    runtime::SequenceCache sequence = decoder.new_sequence();
    const runtime::Decoder::Step step{&sequence, ids};
    const Matrix hidden = decoder.hidden_states({&step, 1});
    const std::size_t begin = states.size();
    states.resize(begin + static_cast<std::size_t>(width));
    parts_->running().read(hidden.slice_rows(static_cast<std::int64_t>(parts_->end_of(ids, text)), 1),
                           std::span(states).subspan(begin));
  }
  return parts_->projected(*parts_->text_projection, states, width, std::nullopt);
}

std::vector<float> DualEncoder::similarity_of(std::vector<float> images, std::vector<float> texts) const {
  const std::int64_t width = projection_dim();
  normalize_rows(images, width);
  normalize_rows(texts, width);
  const float scale = std::exp(parts_->carried().values(parts_->names.logit_scale, {}).at(0));
  std::vector<float> out;
  for (auto picture = images.begin(); picture != images.end(); picture += width) {
    for (auto text = texts.begin(); text != texts.end(); text += width)
      out.push_back(scale * std::inner_product(picture, picture + width, text, 0.0F));
  }
  return out;
}

std::ostream& operator<<(std::ostream& out, const DualEncoder& model) {
  return out << to_string(summarize(model.checkpoint()));
}

}  // namespace mhub
