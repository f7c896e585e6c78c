// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/vocab_merges.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/files/frame.hpp"
#include "mhub/text/post_processor/id.hpp"

namespace mhub::text {
namespace {

void read_vocab(const std::string& text, const std::string& path, ModelFile& model) {
  const nlohmann::json vocabulary = parse_json(text, path);
  const Settings settings(vocabulary, path);
  for (const auto& [token, id] : vocabulary.items())
    model.vocabulary.push_back({token, checked_id(id, settings), 0});
}

void read_merges(const std::string& text, const std::string& path, ModelFile& model) {
  if (!is_utf8(text))
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

TokenizerFile read_vocab_and_merges(const FileSet& files, const TokenizerConfig& config) {
  const std::string vocab = "vocab.json", merges = "merges.txt";
  TokenizerFile file;
  file.path = files.place(vocab);
  file.model.origin = file.path;
  file.model.settings["type"] = "BPE";
  read_vocab(files.read(vocab, kLargestTokenizerFile), files.place(vocab), file.model);
  read_merges(files.read(merges, kLargestTokenizerFile), files.place(merges), file.model);
  file.settings["pre_tokenizer"] = {{"type", "ByteLevel"},
                                    {"add_prefix_space", config.add_prefix_space.value_or(false)}};
  file.settings["decoder"] = {{"type", "ByteLevel"}};
  file.settings["post_processor"] =
      frame_with(content_if(config.add_bos_token.value_or(false), config.special("bos_token")),
                 content_if(config.add_eos_token.value_or(false), config.special("eos_token")), file.model);
  return file;
}

}  // namespace mhub::text
