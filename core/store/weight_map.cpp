// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/weight_map.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/json_events.hpp"

namespace mhub {
namespace {

bool is_plain_name(std::string_view name) {
  return !name.empty() && std::filesystem::path(name).filename() == name && name != "." && name != "..";
}

}  // namespace

/// Takes "weight_map" of the outermost object; other values are walked over.
class WeightMap::Handler final : public JsonEvents {
 public:
  Handler(const std::string& path, WeightMap& map) : path_(path), map_(map) {}

  void count(std::uint64_t number) override { value(std::to_string(number)); }
  void other(std::string_view text) override { value(std::string(text)); }
  void string(std::string_view text) override {
    if (!in_map()) return value("a string");
    const auto file_name = [&](std::uint32_t k) { return std::string_view(map_.files_[k]); };
    auto file = static_cast<std::uint32_t>(map_.files_.size());
    if (const std::uint32_t known = files_.add(text, file, file_name); known != NameIndex::kNone) {
      file = known;
    } else if (is_plain_name(text)) {
      map_.files_.emplace_back(text);
    } else {
      refuse('"' + std::string(text) + '"');
    }
    map_.tensors_.push_back({tensor_, file});
  }
  void begin_object() override {
    if (depth_ == 1 && in_weight_map_) {
      found_ = true;
    } else {
      value("an object");
      keys_.emplace_back();
    }
    deeper();
  }
  void key(std::string_view name) override {
    if (in_map()) {
      const auto name_of = [&](std::uint32_t k) { return map_.tensors_[k].tensor; };
      if (map_.names_.add(name, static_cast<std::uint32_t>(map_.tensors_.size()), name_of) !=
          NameIndex::kNone)
        fail("key \"" + std::string(name) + "\" is there twice");
      tensor_ = kept(name);
      return;
    }
    if (!keys_.back().emplace(name).second) fail("key \"" + std::string(name) + "\" is there twice");
    if (depth_ == 1) in_weight_map_ = name == "weight_map";
  }
  void end_object() override {
    if (!in_map()) keys_.pop_back();
    --depth_;
  }
  void begin_list() override {
    value("a list");
    deeper();
  }
  void end_list() override { --depth_; }

  /// Behind the end.
  void require_map() const {
    if (!found_) fail("expected an object \"weight_map\"");
  }

 private:
  static constexpr int kDeepest = 128;

  [[noreturn]] void fail(const std::string& what) const { throw InputError(path_ + ": " + what); }
  [[noreturn]] void refuse(const std::string& found) const {
    fail("tensor " + std::string(tensor_) + ": expected a file name, found " + found);
  }
  /// A name that is valid as long as the map.
  std::string_view kept(std::string_view name) const {
    const std::less_equal<const char*> not_after;
    const std::string& text = *map_.text_;
    const bool inside =
        not_after(text.data(), name.data()) && not_after(name.data(), text.data() + text.size());
    return inside ? name : map_.unescaped_.emplace_back(name);
  }
  /// Between the braces of weight_map itself.
  bool in_map() const { return in_weight_map_ && depth_ == 2; }
  /// One that is no file's name.
  void value(const std::string& found) const {
    if (in_map()) refuse(found);
    if (depth_ == 0 ? found != "an object" : depth_ == 1 && in_weight_map_)
      fail("expected an object \"weight_map\"");
  }
  void deeper() {
    if (++depth_ > kDeepest) fail("JSON nested deeper than " + std::to_string(kDeepest) + " levels");
  }

  const std::string& path_;
  WeightMap& map_;
  NameIndex files_;
  std::vector<std::set<std::string, std::less<>>> keys_;  ///< so far, of every object around but weight_map
  std::string_view tensor_;
  int depth_ = 0;
  bool in_weight_map_ = false, found_ = false;
};

WeightMap::WeightMap(std::string text, const std::string& path)
    : text_(std::make_unique<const std::string>(std::move(text))) {
  require_no_nul(*text_, path);
  Handler handler(path, *this);
  read_json_events(*text_, path, handler);
  handler.require_map();
  sort_files();
}

void WeightMap::sort_files() {
  std::vector<std::uint32_t> order(files_.size()), place(files_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return files_[a] < files_[b]; });
  for (std::uint32_t k = 0; k < order.size(); ++k) place[order[k]] = k;
  std::sort(files_.begin(), files_.end());
  for (Entry& entry : tensors_) entry.file = place[entry.file];
}

bool WeightMap::lists(std::string_view tensor, std::size_t file) const {
  const std::uint32_t at = names_.find(tensor, [&](std::uint32_t k) { return tensors_[k].tensor; });
  return at != NameIndex::kNone && tensors_[at].file == file;
}

}  // namespace mhub
