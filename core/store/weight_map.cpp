// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/weight_map.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace mhub {
namespace {

bool is_plain_name(const std::string& name) {
  return !name.empty() && std::filesystem::path(name).filename() == name && name != "." && name != "..";
}

/// Takes "weight_map" of the outermost object; other values are walked over.
class MapHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  MapHandler(const std::string& path, WeightMap& map) : path_(path), map_(map) {}

  bool null() override { return other("null"); }
  bool boolean(bool value) override { return other(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return other(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return other(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return other(text); }
  bool binary(binary_t&) override { return other("binary"); }
  bool string(string_t& value) override {
    if (!in_map()) return other("a string");
    if (!is_plain_name(value)) refuse('"' + value + '"');
    const auto [at, fresh] = numbers_.emplace(value, static_cast<std::uint32_t>(map_.files.size()));
    if (fresh) map_.files.push_back(value);
    map_.tensors.push_back({std::move(tensor_), at->second});
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 1 && in_weight_map_) {
      found_ = true;
    } else {
      other("an object");
      keys_.emplace_back();
    }
    return deeper();
  }
  bool key(string_t& name) override {
    if (in_map()) {
      tensor_ = name;
      return true;
    }
    if (!keys_.back().insert(name).second) fail("key \"" + name + "\" is there twice");
    if (depth_ == 1) in_weight_map_ = name == "weight_map";
    return true;
  }
  bool end_object() override {
    if (!in_map()) keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    other("a list");
    return deeper();
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail("not valid JSON: " + json_problem(error.what()));
  }

  /// Behind the end.
  void require_map() const {
    if (!found_) fail("expected an object \"weight_map\"");
  }

 private:
  static constexpr int kDeepest = 128;

  [[noreturn]] void fail(const std::string& what) const { throw InputError(path_ + ": " + what); }
  [[noreturn]] void refuse(const std::string& found) const {
    fail("tensor " + tensor_ + ": expected a file name, found " + found);
  }
  /// Between the braces of weight_map itself.
  bool in_map() const { return in_weight_map_ && depth_ == 2; }
  /// A value that is no file's name.
  bool other(const std::string& found) const {
    if (in_map()) refuse(found);
    if (depth_ == 0 ? found != "an object" : depth_ == 1 && in_weight_map_)
      fail("expected an object \"weight_map\"");
    return true;
  }
  bool deeper() {
    if (++depth_ > kDeepest) fail("JSON nested deeper than " + std::to_string(kDeepest) + " levels");
    return true;
  }

  const std::string& path_;
  WeightMap& map_;
  std::map<std::string, std::uint32_t> numbers_;  ///< of files
  std::vector<std::set<std::string>> keys_;       ///< so far, of every object around but weight_map
  std::string tensor_;
  int depth_ = 0;
  bool in_weight_map_ = false, found_ = false;
};

/// Files in the order of their names.
void sort_files(WeightMap& map) {
  std::vector<std::uint32_t> order(map.files.size()), place(map.files.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return map.files[a] < map.files[b]; });
  for (std::uint32_t k = 0; k < order.size(); ++k) place[order[k]] = k;
  std::sort(map.files.begin(), map.files.end());
  for (WeightMap::Entry& entry : map.tensors) entry.file = place[entry.file];
}

}  // namespace

bool WeightMap::lists(std::string_view tensor, std::size_t file) const {
  const auto at = std::lower_bound(tensors.begin(), tensors.end(), tensor,
                                   [](const Entry& one, std::string_view name) { return one.tensor < name; });
  return at != tensors.end() && at->tensor == tensor && at->file == file;
}

WeightMap read_weight_map(std::string_view text, const std::string& path) {
  require_no_nul(text, path);
  WeightMap map;
  MapHandler handler(path, map);
  nlohmann::json::sax_parse(text, &handler);
  handler.require_map();
  sort_files(map);
  std::sort(map.tensors.begin(), map.tensors.end(),
            [](const WeightMap::Entry& a, const WeightMap::Entry& b) { return a.tensor < b.tensor; });
  const auto twin = std::adjacent_find(
      map.tensors.begin(), map.tensors.end(),
      [](const WeightMap::Entry& a, const WeightMap::Entry& b) { return a.tensor == b.tensor; });
  if (twin != map.tensors.end()) throw InputError(path + ": key \"" + twin->tensor + "\" is there twice");
  return map;
}

}  // namespace mhub
