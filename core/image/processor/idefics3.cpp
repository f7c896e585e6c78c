// SPDX-License-Identifier: Apache-2.0
// Idefics 3 and SmolVLM: square tiles of the picture and the whole of it behind them
// (image_processing_idefics3.py, image_processing_smolvlm.py).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"

namespace mhub::image {
namespace {

constexpr std::int64_t kLongest = 4096;  // MAX_IMAGE_SIZE

/// Multiples of `side` that hold so many pixels.
std::int64_t rounded_up(std::int64_t pixels, std::int64_t side) { return (pixels + side - 1) / side * side; }

/// The shorter side for a longer one, as Python's int() cuts it.
std::int64_t shorter(std::int64_t longer, double aspect_ratio, bool wide) {
  const auto pixels = static_cast<double>(longer);
  return static_cast<std::int64_t>(wide ? pixels / aspect_ratio : pixels * aspect_ratio);
}

class Idefics3 final : public ImageProcessor {
 public:
  Idefics3(const ProcessorFields& fields, ImageBackend backend)
      : backend_(backend),
        resize_(fields.boolean("do_resize", true)),
        size_(fields.size("size", {.longest_edge = 4 * 364}, false)),
        filter_(fields.resample(Resample::lanczos)),
        splits_(fields.boolean("do_image_splitting", true)),
        side_(fields.size("max_image_size", {.longest_edge = 364}, false).longest_edge.value_or(0)),
        pixels_(fields, kHalf, kHalf, Pixels::of(backend)) {
    fields.ignore("do_pad");  // all tiles have one size
    fields.ignore("return_row_col_info");
    fields.ignore("video_sampling");  // of SmolVLM's videos
    fields.finish();
    if (side_ == 0) fields.config().fail("max_image_size", "expected longest_edge");
    if (!size_.longest_edge && !(size_.height && size_.width))
      fields.config().fail("size", "expected longest_edge, or height and width");
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    Image image = resize_ ? resize(picture, wanted({picture.height, picture.width}), making) : picture;
    const Extent tile{side_, side_};
    std::vector<Image> tiles;
    std::int64_t rows = 1, columns = 1;
    if (splits_) {
      image = resize(image, whole_tiles({image.height, image.width}), making);
      rows = image.height / side_;
      columns = image.width / side_;
      if (rows * columns > 1) tiles = divided(image, tile, making);
    }
    tiles.push_back(resize(image, tile, making));
    ProcessedImage out = processed(tiles, pixels_, making);
    out.rows = rows;
    out.columns = columns;
    return out;
  }

 private:
  Image resize(const Image& picture, Extent to, Making& making) const {
    return resized_to(picture, to, filter_, backend_, making);
  }

  /// get_resize_output_image_size.
  Extent wanted(Extent picture) const {
    if (!size_.longest_edge) return {*size_.height, *size_.width};
    const bool wide = picture.width >= picture.height;
    const double ratio = static_cast<double>(picture.width) / static_cast<double>(picture.height);
    std::int64_t longer = *size_.longest_edge, other = shorter(longer, ratio, wide);
    if (other % 2 != 0) ++other;
    other = std::max<std::int64_t>(other, 1);
    Extent to = wide ? Extent{other, longer} : Extent{longer, other};
    if (longer > kLongest) {
      const double now = static_cast<double>(to.width) / static_cast<double>(to.height);
      const bool still = to.width >= to.height;
      other = std::max<std::int64_t>(shorter(kLongest, now, still), 1);
      to = still ? Extent{other, kLongest} : Extent{kLongest, other};
    }
    return to;
  }

  /// resize_for_vision_encoder.
  Extent whole_tiles(Extent picture) const {
    const bool wide = picture.width >= picture.height;
    const double ratio = static_cast<double>(picture.width) / static_cast<double>(picture.height);
    const std::int64_t longer = rounded_up(std::max(picture.width, picture.height), side_);
    const std::int64_t other = rounded_up(shorter(longer, ratio, wide), side_);
    return wide ? Extent{other, longer} : Extent{longer, other};
  }

  ImageBackend backend_;
  bool resize_;
  Size size_;
  Resample filter_;
  bool splits_;
  std::int64_t side_;
  Pixels pixels_;
};

/// Each tile behind its place, then the whole picture (processing_idefics3.py, replace_image_token).
class Idefics3Prompt final : public ImagePrompt {
 public:
  struct Tokens {
    std::string image, around, whole;
  };
  Idefics3Prompt(const ProcessorFiles& files, Tokens tokens)
      : ImagePrompt(tokens.image, tokens.image),
        tokens_(std::move(tokens)),
        each_(at_least(files.processor, "image_seq_len", 1, 169)) {}
  std::string written(const ProcessedImage& picture) const override {
    const std::string features = repeated(image_token(), each_);
    const std::string whole = tokens_.around + tokens_.whole + features + tokens_.around;
    if (picture.shape[0] == 1) return whole;
    std::string out;
    for (std::int64_t row = 1; row <= picture.rows; ++row) {
      for (std::int64_t column = 1; column <= picture.columns; ++column)
        out += tokens_.around + "<row_" + std::to_string(row) + "_col_" + std::to_string(column) + ">" +
               features;
      out += "\n";
    }
    return out + "\n" + whole;
  }

 private:
  Tokens tokens_;
  std::int64_t each_;
};

const Idefics3Prompt::Tokens kUsual{"<image>", "<fake_token_around_image>", "<global-img>"};

}  // namespace

std::unique_ptr<ImageProcessor> make_idefics3(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<Idefics3>(fields, backend);
}

/// Idefics3Processor has these tokens whatever the files say.
std::unique_ptr<ImagePrompt> make_idefics3_prompt(const ProcessorFiles& files) {
  return std::make_unique<Idefics3Prompt>(files, kUsual);
}

std::unique_ptr<ImagePrompt> make_smolvlm_prompt(const ProcessorFiles& files) {
  return std::make_unique<Idefics3Prompt>(
      files, Idefics3Prompt::Tokens{special_token(files, "image_token", kUsual.image),
                                    special_token(files, "fake_image_token", kUsual.around),
                                    special_token(files, "global_image_token", kUsual.whole)});
}

}  // namespace mhub::image
