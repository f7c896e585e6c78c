// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/tokenizer_file.hpp"

#include <limits>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

namespace mhub::text {
namespace {

using nlohmann::json;

/// Receives the events of nlohmann's parser.
class Handler final : public nlohmann::json_sax<json> {
 public:
  Handler(TokenizerFile& file) : file_(file) { file_.model.origin = file_.path + ": model"; }

  bool null() override { return value(nullptr); }
  bool boolean(bool b) override { return value(b); }
  bool number_integer(json::number_integer_t n) override {
    return where_ == Where::vocabulary_pair ? score(static_cast<double>(n)) : value(n);
  }
  bool number_unsigned(json::number_unsigned_t n) override {
    if (where_ == Where::vocabulary_map) return id(n);
    return where_ == Where::vocabulary_pair ? score(static_cast<double>(n)) : value(n);
  }
  bool number_float(json::number_float_t n, const std::string&) override {
    return where_ == Where::vocabulary_pair ? score(n) : value(n);
  }
  bool binary(json::binary_t&) override { return false; }

  bool string(std::string& text) override {
    switch (where_) {
      case Where::vocabulary_pair: return token(text);
      case Where::merges: file_.model.merges.push_back(split_merge(text, file_.model.origin)); return true;
      case Where::merge_pair: return merge_part(text);
      default: return value(text);
    }
  }

  bool start_object(std::size_t) override {
    if (where_ == Where::settings && is_model_key("vocab")) {
      where_ = Where::vocabulary_map;
      return true;
    }
    return open(json::object());
  }

  bool key(std::string& name) override {
    if (where_ == Where::vocabulary_map) {
      token_ = std::move(name);
      return true;
    }
    if (open_.back()->contains(name)) fail("key \"" + name + "\" is there twice");
    if (open_.size() == 1) top_key_ = name;
    key_ = std::move(name);
    return true;
  }

  bool end_object() override {
    if (where_ == Where::vocabulary_map) {
      where_ = Where::settings;
    } else {
      open_.pop_back();
    }
    return true;
  }

  bool start_array(std::size_t) override {
    switch (where_) {
      case Where::settings:
        if (is_model_key("vocab")) {
          where_ = Where::vocabulary_list;
          file_.model.scored = true;
        } else if (is_model_key("merges")) {
          where_ = Where::merges;
        } else {
          open(json::array());
        }
        return true;
      case Where::vocabulary_list: where_ = Where::vocabulary_pair; break;
      case Where::merges: where_ = Where::merge_pair; break;
      default: fail_shape();
    }
    parts_ = 0;
    return true;
  }

  bool end_array() override {
    switch (where_) {
      case Where::vocabulary_pair: end_pair(Where::vocabulary_list); break;
      case Where::merge_pair: end_pair(Where::merges); break;
      case Where::vocabulary_list:
      case Where::merges: where_ = Where::settings; break;
      default: open_.pop_back();
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception& error) override {
    const std::string what = error.what();
    const std::size_t close = what.find("] ");
    fail("not valid JSON at byte " + std::to_string(position) + ": " +
         (close == std::string::npos ? what : what.substr(close + 2)));
  }

  json take() { return std::move(root_); }

 private:
  enum class Where { settings, vocabulary_map, vocabulary_list, vocabulary_pair, merges, merge_pair };

  [[noreturn]] void fail(const std::string& message) const { throw InputError(file_.path + ": " + message); }
  [[noreturn]] void fail_shape() const {
    fail(where_ == Where::merges || where_ == Where::merge_pair
             ? "merge " + std::to_string(file_.model.merges.size()) + " is not two tokens"
             : "entry " + std::to_string(file_.model.vocabulary.size()) +
                   " of the vocabulary is neither \"token\": id nor [\"token\", score]");
  }

  bool is_model_key(std::string_view name) const {
    return open_.size() == 2 && top_key_ == "model" && key_ == name;
  }

  /// A JSON value of the settings.
  bool value(json element) {
    if (where_ != Where::settings) fail_shape();
    place(std::move(element));
    return true;
  }

  json* place(json element) {
    if (open_.empty()) {
      root_ = std::move(element);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(element));
    parent.push_back(std::move(element));
    return &parent.back();
  }

  bool open(json container) {
    constexpr std::size_t kDeepest = 128;
    if (where_ != Where::settings) fail_shape();
    if (open_.size() == kDeepest) fail("JSON nested deeper than " + std::to_string(kDeepest) + " levels");
    // Growing a list moves its elements, but only its last one is ever open.
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool id(std::uint64_t n) {
    if (n > static_cast<std::uint64_t>(std::numeric_limits<TokenId>::max()))
      fail("token \"" + token_ + "\" has the id " + std::to_string(n) + ", which is too large");
    file_.model.vocabulary.push_back({std::move(token_), static_cast<TokenId>(n), 0});
    return true;
  }

  bool token(std::string& text) {
    if (parts_++ != 0) fail_shape();
    token_ = std::move(text);
    return true;
  }

  bool score(double s) {
    if (parts_++ != 1) fail_shape();
    const auto next = static_cast<TokenId>(file_.model.vocabulary.size());
    file_.model.vocabulary.push_back({std::move(token_), next, s});
    return true;
  }

  bool merge_part(std::string& text) {
    if (parts_ == 0) token_ = std::move(text);
    if (parts_ == 1) file_.model.merges.emplace_back(std::move(token_), std::move(text));
    if (parts_++ > 1) fail_shape();
    return true;
  }

  void end_pair(Where outside) {
    if (parts_ != 2) fail_shape();
    where_ = outside;
  }

  TokenizerFile& file_;
  json root_;
  std::vector<json*> open_;  ///< containers that have not ended
  std::string top_key_, key_, token_;
  Where where_ = Where::settings;
  std::size_t parts_ = 0;  ///< of the open pair
};

}  // namespace

TokenizerFile read_tokenizer_json(const std::string& path) {
  return parse_tokenizer_json(read_file(path, kLargestTokenizerFile), path);
}

TokenizerFile parse_tokenizer_json(std::string_view text, const std::string& path) {
  require_no_nul(text, path);
  TokenizerFile file;
  file.path = path;
  Handler handler(file);
  if (!json::sax_parse(text, &handler)) throw InputError(path + ": not valid JSON");
  file.settings = handler.take();
  if (!file.settings.is_object()) throw InputError(path + ": expected an object at the top");
  if (!file.settings.contains("model")) throw InputError(path + ": \"model\" is missing");
  file.model.settings = std::move(file.settings["model"]);
  file.settings.erase("model");
  return file;
}

std::pair<std::string, std::string> split_merge(std::string_view line, const std::string& origin) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
    throw InputError(origin + ": the merge \"" + std::string(line.substr(0, 80)) +
                     "\" is not two tokens and a space");
  return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

}  // namespace mhub::text
