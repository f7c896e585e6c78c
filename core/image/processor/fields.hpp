// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <set>

#include "mhub/base/json_object.hpp"
#include "mhub/image/resize.hpp"

namespace mhub::image {

/// Rows and columns of pixels.
struct Extent {
  std::int64_t height = 0, width = 0;
  bool operator==(const Extent&) const = default;
};

/// A "size" in one of transformers' forms (SizeDict of image_utils.py).
struct Size {
  std::optional<std::int64_t> height = {}, width = {}, shortest_edge = {}, longest_edge = {}, max_height = {},
                              max_width = {};
};

/// The fields of a preprocessor_config.json. Each getter gives the class's default where the field is missing
/// or null, as transformers does, and throws InputError for a value that makes no sense.
class ProcessorFields {
 public:
  explicit ProcessorFields(const JsonObject& config) : config_(config) {}

  bool boolean(const std::string& key, bool fallback) const;
  std::int64_t positive(const std::string& key, std::int64_t fallback) const;
  double number(const std::string& key, double fallback) const;
  Resample resample(Resample fallback) const;
  /// One number a channel; a single one counts for all three.
  std::array<double, 3> channels(const std::string& key, const std::array<double, 3>& fallback) const;
  /// A number alone is both sides of a square, or the shortest edge where the class says so.
  Size size(const std::string& key, const Size& fallback, bool number_is_square) const;
  /// A size that has a height and a width.
  Extent extent(const std::string& key, const Extent& fallback) const;
  /// [[height, width], ...]
  std::vector<Extent> extents(const std::string& key, const std::vector<Extent>& fallback) const;
  /// Accepts a field whose value changes nothing here.
  void ignore(const std::string& key) const { asked_.insert(key); }
  /// Throws InputError that names a field which nothing asked for.
  void finish() const;

  const JsonObject& config() const { return config_; }

 private:
  const nlohmann::json* find(const std::string& key) const;
  std::int64_t checked(const std::string& key, const nlohmann::json& value) const;

  JsonObject config_;
  mutable std::set<std::string> asked_;
};

}  // namespace mhub::image
