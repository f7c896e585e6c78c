// SPDX-License-Identifier: Apache-2.0
#include "mhub/image/processor/fields.hpp"

#include "mhub/base/json.hpp"

namespace mhub::image {
namespace {

/// No picture has more pixels on one side, and products of two fit into 64 bits.
constexpr std::int64_t kLargest = std::int64_t{1} << 28;

/// Where pictures come from and where they go to, who wrote the file, which class reads it; and
/// "do_convert_rgb": pictures are RGB here whatever it says. The others belong to the processor of prompts,
/// which finds them here in older files.
const std::set<std::string>& without_meaning() {
  static const std::set<std::string> keys{"image_processor_type",
                                          "feature_extractor_type",
                                          "processor_class",
                                          "auto_map",
                                          "do_convert_rgb",
                                          "data_format",
                                          "input_data_format",
                                          "return_tensors",
                                          "device",
                                          "disable_grouping",
                                          "default_to_square",
                                          "_valid_processor_keys",
                                          "_processor_class",
                                          "transformers_version",
                                          "image_seq_length",
                                          "image_seq_len",
                                          "num_additional_image_tokens",
                                          "model_input_names",
                                          "processor_type"};
  return keys;
}

}  // namespace

const nlohmann::json* ProcessorFields::find(const std::string& key) const {
  asked_.insert(key);
  const auto at = config_.json().find(key);
  return at == config_.json().end() || at->is_null() ? nullptr : &*at;
}

std::int64_t ProcessorFields::checked(const std::string& key, const nlohmann::json& value) const {
  if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > kLargest)
    config_.fail(key, "expected whole numbers of 1 to 2^28, found " + json_text(value).substr(0, 80));
  return value.get<std::int64_t>();
}

bool ProcessorFields::boolean(const std::string& key, bool fallback) const {
  asked_.insert(key);
  return config_.boolean(key, fallback);
}

std::int64_t ProcessorFields::positive(const std::string& key, std::int64_t fallback) const {
  const nlohmann::json* value = find(key);
  return value ? checked(key, *value) : fallback;
}

double ProcessorFields::number(const std::string& key, double fallback) const {
  asked_.insert(key);
  return config_.number(key, fallback);
}

Resample ProcessorFields::resample(Resample fallback) const {
  asked_.insert("resample");
  const std::int64_t filter = config_.integer("resample", static_cast<std::int64_t>(fallback));
  if (filter < 0 || filter > static_cast<std::int64_t>(Resample::hamming))
    config_.fail("resample", "expected one of Pillow's filters, 0 to 5, found " + std::to_string(filter));
  return static_cast<Resample>(filter);
}

std::array<double, 3> ProcessorFields::channels(const std::string& key,
                                                const std::array<double, 3>& fallback) const {
  const nlohmann::json* value = find(key);
  if (!value) return fallback;
  if (value->is_number()) {
    const double number = config_.number(key);
    return {number, number, number};
  }
  const std::vector<double> numbers = config_.numbers(key);
  if (numbers.size() != 3)
    config_.fail(key, "expected three numbers, one a channel, found " + std::to_string(numbers.size()));
  return {numbers[0], numbers[1], numbers[2]};
}

Size ProcessorFields::size(const std::string& key, const Size& fallback, bool number_is_square) const {
  const nlohmann::json* value = find(key);
  if (!value) return fallback;
  Size size;
  if (value->is_number()) {
    const std::int64_t side = checked(key, *value);
    if (!number_is_square) return {.shortest_edge = side};
    return {.height = side, .width = side};
  }
  if (value->is_array() && value->size() == 2)
    return {.height = checked(key, (*value)[0]), .width = checked(key, (*value)[1])};
  if (!value->is_object()) config_.fail(key, "expected a size, found " + json_text(*value).substr(0, 80));
  for (const auto& [name, number] : value->items()) {
    if (number.is_null()) continue;
    std::optional<std::int64_t>* member = name == "height"          ? &size.height
                                          : name == "width"         ? &size.width
                                          : name == "shortest_edge" ? &size.shortest_edge
                                          : name == "longest_edge"  ? &size.longest_edge
                                          : name == "max_height"    ? &size.max_height
                                          : name == "max_width"     ? &size.max_width
                                                                    : nullptr;
    if (member == nullptr) config_.fail(key, "'" + name + "' is not known here");
    *member = checked(key, number);
  }
  return size;
}

Extent ProcessorFields::extent(const std::string& key, const Extent& fallback) const {
  const Size found = size(key, {.height = fallback.height, .width = fallback.width}, true);
  if (!found.height || !found.width) config_.fail(key, "expected a height and a width");
  return {*found.height, *found.width};
}

std::vector<Extent> ProcessorFields::extents(const std::string& key,
                                             const std::vector<Extent>& fallback) const {
  const nlohmann::json* value = find(key);
  if (!value) return fallback;
  std::vector<Extent> extents;
  if (!value->is_array() || value->empty() || value->size() > 10'000)
    config_.fail(key, "expected a list of [height, width]");
  for (const nlohmann::json& pair : *value) {
    if (!pair.is_array() || pair.size() != 2) config_.fail(key, "expected a list of [height, width]");
    extents.push_back({checked(key, pair[0]), checked(key, pair[1])});
  }
  return extents;
}

void ProcessorFields::finish() const {
  for (const auto& [key, value] : config_.json().items()) {
    if (value.is_null() || asked_.contains(key) || without_meaning().contains(key)) continue;
    config_.fail(key, "this processor does not know it, so that its pictures might come out wrong");
  }
}

}  // namespace mhub::image
