// SPDX-License-Identifier: Apache-2.0
// What mhub writes at every recorded layout is what megatron-core's own ranks hold and ask for: files, names,
// shapes, bits, padding, module objects, and the arguments of the layout. A round trip cannot see a layout
// that is wrong both ways.
#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "golden/facts.hpp"
#include "mhub/store/pickle/plain.hpp"
#include "mhub/store/torch_dist/torch_dist.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"
#include "store/read_tensor.hpp"

BOOST_AUTO_TEST_SUITE(layouts_tests)

namespace fs = std::filesystem;
using namespace mhub;
using namespace mhub::tests;

namespace {

class Differences {
 public:
  void add(const std::string& text) { found_.push_back(text); }
  bool none() const { return found_.empty(); }
  std::string text() const {
    std::string all;
    for (std::size_t k = 0; k < found_.size() && k < 6; ++k) all += "\n  " + found_[k];
    return all + (found_.size() > 6 ? "\n  and " + std::to_string(found_.size() - 6) + " more" : "");
  }

 private:
  std::vector<std::string> found_;
};

/// Names on one side only.
template <typename Mine, typename Golden>
void compare_names(Differences& out, const std::string& where, const Mine& mine, const Golden& golden) {
  for (const auto& name : golden) {
    if (!mine.contains(name)) out.add(where + name + ": megatron-core has it, mhub does not write it");
  }
  for (const auto& name : mine) {
    if (!golden.contains(name)) out.add(where + name + ": mhub writes it, megatron-core has it not");
  }
}

template <typename Map>
std::set<std::string> names_of(const Map& map) {
  std::set<std::string> names;
  for (const auto& entry : map) names.insert(entry.first);
  return names;
}

/// Rows of a vocabulary behind the published ones are padding, whose content is compared with nothing but
/// zeros.
std::int64_t real_rows(const GoldenPart& part, std::int64_t vocabulary) {
  const bool counts_tokens =
      part.key.ends_with("word_embeddings.weight") || part.key.ends_with("output_layer.weight");
  return counts_tokens ? std::clamp<std::int64_t>(vocabulary - part.offset[0], 0, part.shape[0])
                       : part.shape[0];
}

void compare_bits(Differences& out, const std::string& where, const StoredTensor& mine,
                  const GoldenTensor& golden, const TorchDistCheckpoint& dist, std::int64_t vocabulary) {
  const std::vector<std::byte> bytes = read_tensor(mine);
  for (const GoldenPart& part : golden.parts) {
    const StoredTensor* global = dist.tensors.find(part.key);
    if (global == nullptr) {
      out.add(where + ": its key " + part.key + " is not in the torch_dist checkpoint");
      continue;
    }
    const std::vector<std::byte> wanted = read_slice(*global, part.offset, part.shape);
    const auto at = static_cast<std::ptrdiff_t>(part.begin) * 4;
    if (!std::equal(wanted.begin(), wanted.end(), bytes.begin() + at))
      out.add(where + ": is not " + part.key + " at " + to_string(part.offset));
    const std::int64_t real = real_rows(part, vocabulary) * (numel(part.shape) / part.shape[0]) * 4;
    if (std::any_of(bytes.begin() + at + real,
                    bytes.begin() + at + static_cast<std::ptrdiff_t>(wanted.size()),
                    [](std::byte one) { return one != std::byte{0}; }))
      out.add(where + ": padding is not zero");
  }
}

void compare_chunk(Differences& out, const std::string& where, const TorchArchive& file,
                   const PickleNode& state, const GoldenChunk& golden, const TorchDistCheckpoint& dist,
                   std::int64_t vocabulary) {
  std::set<std::string> tensors, objects;
  for (const auto& [key, value] : state.as_named(where)) {
    const std::string name(key);
    const auto stored = file.tensor(*value, name);
    if (!stored) {
      objects.insert(name);
      continue;
    }
    tensors.insert(name);
    const auto wanted = golden.tensors.find(name);
    if (wanted == golden.tensors.end()) continue;
    if (stored->shape != wanted->second.shape) {
      out.add(where + name + ": shape " + to_string(stored->shape) + ", megatron-core " +
              to_string(wanted->second.shape));
    } else {
      compare_bits(out, where + name, *stored, wanted->second, dist, vocabulary);
    }
  }
  compare_names(out, where, tensors, names_of(golden.tensors));
  // TransformerEngine does without the object of its attention (pytorch/attention,
  // remove_extra_states_check).
  std::set<std::string> asked;
  for (const std::string& name : golden.objects) {
    if (!name.ends_with("core_attention._extra_state") || objects.contains(name)) asked.insert(name);
  }
  compare_names(out, where, objects, asked);
}

void compare_args(Differences& out, const PickleNode& top, const GoldenLayout& golden) {
  const nlohmann::json args = plain_json(*top.find("args"));
  for (const auto& [key, value] : golden.args.items()) {
    if (args.value(key, nlohmann::json()) != value)
      out.add("args." + key + ": " + args.value(key, nlohmann::json()).dump() + ", Megatron-LM " +
              value.dump());
  }
}

std::set<std::string> rank_folders(const fs::path& release) {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(release)) {
    if (entry.is_directory()) found.insert(entry.path().filename().string());
  }
  return found;
}

void compare_torch(Differences& out, const std::string& release, const TorchDistCheckpoint& dist,
                   const GoldenCase& golden, const GoldenLayout& layout) {
  compare_names(out, "folder ", rank_folders(release), names_of(layout.files));
  for (const auto& [folder, chunks] : layout.files) {
    const std::string path = release + "/" + folder + "/model_optim_rng.pt";
    if (!fs::exists(path)) continue;
    const TorchArchive file(path);
    std::set<std::string> states;
    for (const auto& [key, value] : file.root().as_named(path)) {
      if (key.starts_with("model")) states.emplace(key);
    }
    compare_names(out, folder + "/", states, names_of(chunks));
    for (const auto& [chunk, facts] : chunks) {
      if (states.contains(chunk))
        compare_chunk(out, folder + "/" + chunk + "/", file, *file.root().find(chunk), facts, dist,
                      golden.config["vocab_size"].get<std::int64_t>());
    }
    compare_args(out, file.root(), layout);
  }
}

void compare_dist(Differences& out, const TorchDistCheckpoint& dist, const GoldenLayout& layout) {
  std::set<std::string> mine;
  for (const StoredTensor& tensor : dist.tensors.tensors()) {
    if (tensor.name.starts_with("hf.")) continue;  // carried; nobody asks for it
    mine.insert(tensor.name);
    const auto wanted = layout.keys.find(tensor.name);
    if (wanted != layout.keys.end() && wanted->second != tensor.shape)
      out.add("key " + tensor.name + ": shape " + to_string(tensor.shape) + ", megatron-core " +
              to_string(wanted->second));
  }
  compare_names(out, "key ", mine, names_of(layout.keys));
  for (const std::string& key : layout.objects) {
    if (!dist.objects.contains(key)) out.add("object " + key + ": megatron-core asks for it");
  }
  compare_args(out, *dist.common, layout);
}

/// Converts to both formats; what differs from the facts.
Differences compare(const GoldenCase& golden, const GoldenLayout& layout, const std::string& hf,
                    const Scratch& scratch) {
  Differences out;
  const std::string torch = scratch / "torch", dist = scratch / "dist";
  for (const std::string& format : {std::string("torch"), std::string("torch_dist")}) {
    const std::string& folder = format == "torch" ? torch : dist;
    fs::remove_all(folder);
    std::string options = layout.options;  // a pipeline layout has the shell's own characters
    if (const std::size_t at = options.find("--pp-layout "); at != std::string::npos)
      options.insert(at + 12, "'").append("'");
    const Run run =
        run_mhub("convert " + hf + " " + folder + " --to " + format +
                 " --make-vocab-size-divisible-by 128 --transformer-impl " + layout.impl + " " + options);
    if (run.code != 0) {
      out.add("--to " + format + " is refused: " + run.err);
      return out;
    }
    const Run check = run_mhub("verify " + hf + " " + folder);
    if (check.code != 0) out.add("--to " + format + " does not verify: " + check.out + check.err);
  }
  const TorchDistCheckpoint opened = open_torch_dist(dist + "/release");
  compare_dist(out, opened, layout);
  compare_torch(out, torch + "/release", opened, golden, layout);
  return out;
}

/// A layout that megatron-core refuses.
Differences compare_refused(const std::string& options, const std::string& why, const std::string& hf,
                            const Scratch& scratch) {
  Differences out;
  if (run_mhub("convert " + hf + " " + (scratch / "refused") + " --dry-run --to torch " + options).code == 0)
    out.add("is written; megatron-core refuses it: " + why);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(layouts_are_megatron_cores) {
  std::size_t layouts = 0;
  const auto judge = [&](const std::string& model, const std::string& impl, const std::string& options,
                         const Differences& differences) {
    ++layouts;
    BOOST_CHECK_MESSAGE(differences.none(), model << " [" << impl << "] " << options << differences.text());
  };
  for (const GoldenCase& golden : golden_cases()) {
    const Scratch scratch;
    const std::string hf = scratch / "hf";
    write_published(golden, hf);
    for (const GoldenLayout& layout : golden.layouts)
      judge(golden.name, layout.impl, layout.options, compare(golden, layout, hf, scratch));
    for (const auto& [options, why] : golden.refused)
      judge(golden.name, "te", options, compare_refused(options, why, hf, scratch));
  }
  BOOST_TEST(layouts > 50U);
}

BOOST_AUTO_TEST_SUITE_END()
