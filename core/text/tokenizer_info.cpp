#include "mhub/text/tokenizer_info.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

constexpr std::uint64_t kLimit = 256 << 20;

/// Counts the entries of the vocabulary (model.vocab: an object, or a list for Unigram) without keeping them:
/// a tokenizer.json of 30 MB is not worth a DOM for one number.
class VocabularyCounter : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit VocabularyCounter(bool whole_file) : whole_file_(whole_file) {}
  std::int64_t count = 0;

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (depth_ == 1) in_model_ = name == "model";
    if (depth_ == 2) in_vocab_ = in_model_ && name == "vocab";
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  int vocabulary_depth() const { return whole_file_ ? 1 : 3; }
  bool inside() const { return depth_ == vocabulary_depth() && (whole_file_ || in_vocab_); }
  bool value() {
    if (inside()) ++count;
    return true;
  }
  bool open() {
    if (inside()) ++count;
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }

  bool whole_file_, in_model_ = false, in_vocab_ = false;
  int depth_ = 0;
};

std::int64_t count_vocabulary(const fs::path& path, bool whole_file) {
  VocabularyCounter counter(whole_file);
  if (!nlohmann::json::sax_parse(read_file(path.string(), kLimit), &counter)) {
    throw InputError(path.string() + ": not valid JSON");
  }
  return counter.count;
}

}  // namespace

TokenizerInfo tokenizer_info(const std::string& directory, const std::string& fallback_class) {
  const fs::path folder = directory;
  TokenizerInfo info;
  if (fs::is_regular_file(folder / "tokenizer.json")) {
    info.vocab_size = count_vocabulary(folder / "tokenizer.json", false);
  } else if (fs::is_regular_file(folder / "vocab.json")) {
    info.vocab_size = count_vocabulary(folder / "vocab.json", true);
  } else if (!fs::is_regular_file(folder / "tokenizer.model")) {
    return info;
  }
  info.class_name = fallback_class;
  if (const fs::path config = folder / "tokenizer_config.json"; fs::is_regular_file(config)) {
    const nlohmann::json json = parse_json_file(config.string(), kLimit);
    if (const auto it = json.find("tokenizer_class"); it != json.end() && it->is_string()) {
      info.class_name = it->get<std::string>();
    }
  }
  // transformers loads the fast class wherever tokenizer.json exists, whatever the config was saved from.
  const bool fast = fs::is_regular_file(folder / "tokenizer.json");
  if (fast && !info.class_name.ends_with("Fast") && info.class_name.ends_with("Tokenizer"))
    info.class_name += "Fast";
  return info;
}

}  // namespace mhub
