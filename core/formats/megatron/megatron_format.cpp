// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/megatron/megatron_format.hpp"

#include <cctype>
#include <charconv>
#include <cstdio>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_dist/torch_dist.hpp"

namespace mhub {

std::string iteration_folder(const std::optional<std::int64_t>& iteration) {
  if (!iteration) return "release";
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "iter_%07lld", static_cast<long long>(*iteration));
  return name.data();
}

std::string listed_iterations(const std::string& root) {
  std::set<std::string> names;
  if (!fs::is_directory(root)) return {};
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && (name.starts_with("iter_") || name == "release")) names.insert(name);
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

fs::path megatron_folder(const std::string& path) {
  const fs::path root = path;
  if (!fs::is_directory(root) || fs::is_regular_file(root / "config.json")) return {};
  if (is_torch_dist(path) || is_torch_ranks(path) || !fs::is_regular_file(root / kTracker)) return root;
  std::string iteration = read_file((root / kTracker).string(), 64);
  while (!iteration.empty() && std::isspace(static_cast<unsigned char>(iteration.back())) != 0)
    iteration.pop_back();
  if (iteration == "release") return root / iteration;
  int number = 0;
  const auto parsed = std::from_chars(iteration.data(), iteration.data() + iteration.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != iteration.data() + iteration.size() || number < 0) {
    throw InputError((root / kTracker).string() + ": expected an iteration number or \"release\", found \"" +
                     iteration + "\"");
  }
  return root / iteration_folder(number);
}

bool MegatronFormat::probe(const std::string& path) const {
  const std::string folder = megatron_folder(path).string();
  return !folder.empty() && dialect_.is_in(folder);
}

void MegatronFormat::open(Checkpoint& checkpoint, const OpenOptions& options) const {
  checkpoint.directory = megatron_folder(checkpoint.path).string();
  checkpoint.origin.emplace();
  const std::shared_ptr<const PickleNode> common = dialect_.open(checkpoint);
  take_megatron_state(
      checkpoint, common.get(), options, [&](const auto& canonical, const auto& config, const auto& facts) {
        const LayoutRequest request =
            stored_layout({checkpoint.directory, checkpoint.ranks, facts.args, facts.vocabulary_rows},
                          checkpoint.tensors, canonical, config);
        checkpoint.origin->padded_vocab_size = request.padded_vocab_size;
        if (!checkpoint.ranks.empty()) checkpoint.origin->sizes = request.sizes;
        return dialect_.layout(canonical, request);
      });
}

std::shared_ptr<const FileSet> MegatronFormat::files(const std::string& path) const {
  return folder_files((megatron_folder(path) / "tokenizer").string());
}

}  // namespace mhub
