// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/tokenizer_files.hpp"

#include <array>

#include "mhub/base/file.hpp"

namespace fs = std::filesystem;

namespace mhub {

std::vector<std::string> tokenizer_files(const FileSet& files) {
  // What transformers' save_pretrained of a tokenizer or a processor can write.
  constexpr std::array<const char*, 13> kNames{"preprocessor_config.json",
                                               "processor_config.json",
                                               "tokenizer.json",
                                               "tokenizer_config.json",
                                               "tokenizer.model",
                                               "vocab.json",
                                               "vocab.txt",
                                               "merges.txt",
                                               "added_tokens.json",
                                               "special_tokens_map.json",
                                               "chat_template.jinja",
                                               "chat_template.json",
                                               "spiece.model"};
  std::vector<std::string> present;
  for (const char* name : kNames) {
    if (files.has(name)) present.emplace_back(name);
  }
  for (std::string& name : files.inside("additional_chat_templates")) {
    if (name.ends_with(".jinja")) present.push_back(std::move(name));
  }
  return present;
}

void copy_tokenizer(const FileSet& files, const fs::path& folder) {
  for (const std::string& name : tokenizer_files(files)) {
    const fs::path path = folder / name;
    fs::create_directories(path.parent_path());
    replace_file(path.string(), files.read(name, kLargestText));
  }
}

}  // namespace mhub
