// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/tokenizer_info.hpp"

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kLimit = 256 << 20;

/// Walks JSON text by its brackets and strings only, to count the entries of one container. A tokenizer.json
/// has 10 to 30 MB: parsing it to learn one number would take ten times as long as everything else that
/// inspection does. Whoever loads the tokenizer parses it properly.
class EntryCounter {
 public:
  EntryCounter(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  /// Entries of the object or array that is reached by these keys from the top.
  std::int64_t count(const std::vector<std::string_view>& path) {
    std::int64_t entries = 0;
    std::string_view last_key;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool inside =
          path_.size() == path.size() + 1 && std::equal(path.begin(), path.end(), path_.begin() + 1);
      if (c == '"') {
        last_key = string();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') {
        // Entries of an object are counted by their colons, those of an array (Unigram: pairs) by their
        // brackets.
        if (inside && c == '[') ++entries;
        path_.push_back(path_.empty() ? std::string_view() : last_key);
        if (path_.size() > 64) fail();
      } else if (c == '}' || c == ']') {
        if (path_.empty()) fail();
        path_.pop_back();
        last_key = {};
        if (inside) return entries;
      } else if (c == ':' && inside) {
        ++entries;
      }
    }
    if (!path_.empty()) fail();
    return entries;
  }

 private:
  [[noreturn]] void fail() const {
    throw InputError(file_ + ": not valid JSON at byte " + std::to_string(at_));
  }

  std::string_view string() {
    const std::size_t begin = ++at_;
    while (true) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) fail();
      std::size_t backslashes = 0;
      while (quote - backslashes > begin && text_[quote - backslashes - 1] == '\\') ++backslashes;
      at_ = quote + 1;
      if (backslashes % 2 == 0) return text_.substr(begin, quote - begin);
    }
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  std::vector<std::string_view> path_;  ///< the keys of the open containers; the top one has none
};

std::int64_t count_vocabulary(const FileSet& files, const std::string& name, bool whole_file) {
  const std::string text = files.read(name, kLimit);
  EntryCounter counter(text, files.place(name));
  return whole_file ? counter.count({}) : counter.count({"model", "vocab"});
}

}  // namespace

TokenizerInfo tokenizer_info(const FileSet& files, const std::string& fallback_class) {
  TokenizerInfo info;
  if (files.has("tokenizer.json")) {
    info.vocab_size = count_vocabulary(files, "tokenizer.json", false);
  } else if (files.has("vocab.json")) {
    info.vocab_size = count_vocabulary(files, "vocab.json", true);
  } else if (!files.has("tokenizer.model")) {
    return info;
  }
  info.class_name = fallback_class;
  if (const std::string config = "tokenizer_config.json"; files.has(config)) {
    const nlohmann::json json = parse_json(files.read(config, kLimit), files.place(config));
    if (const auto it = json.find("tokenizer_class"); it != json.end() && it->is_string()) {
      info.class_name = it->get<std::string>();
    }
  }
  // transformers loads the fast class, whatever the config was saved from.
  if (info.class_name.ends_with("Tokenizer")) info.class_name += "Fast";
  return info;
}

}  // namespace mhub
