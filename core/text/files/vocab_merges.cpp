#include "mhub/text/files/vocab_merges.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/text/files/frame.hpp"
#include "mhub/text/post_processor/id.hpp"
#include "mhub/text/unicode/utf8.hpp"

namespace mhub::text {
namespace {

void read_vocab(const std::string& path, ModelFile& model) {
  const nlohmann::json json = parse_json_file(path, kLargestTokenizerFile);
  const Settings settings(json, path);
  for (const auto& [token, id] : json.items())
    model.vocabulary.push_back({token, checked_id(id, settings), 0});
}

void read_merges(const std::string& path, ModelFile& model) {
  const std::string text = read_file(path, kLargestTokenizerFile);
  if (valid_utf8_prefix(text) != text.size())
    throw InputError(path + ": not UTF-8 at byte " + std::to_string(valid_utf8_prefix(text)));
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, newline - begin);
    begin = newline + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    model.merges.push_back(split_merge(line, path + ": line " + std::to_string(number)));
  }
}

std::optional<std::string> content_if(bool wanted, const AddedToken* token) {
  return wanted && token != nullptr ? std::optional(token->content) : std::nullopt;
}

}  // namespace

TokenizerFile read_vocab_and_merges(const std::string& vocab_path, const std::string& merges_path,
                                    const TokenizerConfig& config) {
  TokenizerFile file;
  file.path = vocab_path;
  file.model.origin = vocab_path;
  file.model.settings["type"] = "BPE";
  read_vocab(vocab_path, file.model);
  read_merges(merges_path, file.model);
  file.settings["pre_tokenizer"] = {{"type", "ByteLevel"},
                                    {"add_prefix_space", config.add_prefix_space.value_or(false)}};
  file.settings["decoder"] = {{"type", "ByteLevel"}};
  file.settings["post_processor"] =
      frame_with(content_if(config.add_bos_token.value_or(false), config.special("bos_token")),
                 content_if(config.add_eos_token.value_or(false), config.special("eos_token")), file.model);
  return file;
}

}  // namespace mhub::text
