#include "mhub/text/files/tokenizer_folder.hpp"

#include <filesystem>

#include "mhub/base/error.hpp"
#include "mhub/text/files/sentencepiece_model.hpp"
#include "mhub/text/files/tokenizer_config.hpp"
#include "mhub/text/files/vocab_merges.hpp"

namespace fs = std::filesystem;

namespace mhub::text {

TokenizerParts read_tokenizer_folder(const std::string& directory) {
  const fs::path folder = directory;
  if (!fs::is_directory(folder)) throw InputError(directory + ": no such folder");
  const TokenizerConfig config = read_tokenizer_config(directory);
  const auto path_of = [&](const char* name) { return (folder / name).string(); };
  const auto has = [&](const char* name) { return fs::is_regular_file(folder / name); };
  TokenizerFile file;
  if (has("tokenizer.json")) {
    file = read_tokenizer_json(path_of("tokenizer.json"));
    override_prefix_space(file, config);
  } else if (has("tokenizer.model")) {
    file = read_sentencepiece_model(path_of("tokenizer.model"), config);
  } else if (has("vocab.json") && has("merges.txt")) {
    file = read_vocab_and_merges(path_of("vocab.json"), path_of("merges.txt"), config);
  } else {
    throw InputError(
        directory +
        ": no tokenizer: expected tokenizer.json, tokenizer.model, or vocab.json with merges.txt");
  }
  TokenizerParts parts = make_parts(file);
  apply_tokenizer_config(config, parts);
  return parts;
}

}  // namespace mhub::text
