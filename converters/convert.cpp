#include "convert.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "manifest.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/interrupt.hpp"
#include "mhub/base/progress.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/model/run_config.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_dist/torch_dist_sink.hpp"
#include "mhub/store/torch_zip/torch_save.hpp"
#include "verify.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

std::string iteration_folder(const std::optional<std::int64_t>& iteration) {
  if (!iteration) return "release";
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "iter_%07lld", static_cast<long long>(*iteration));
  return name.data();
}

LayoutRequest layout_request(const ConvertOptions& options, const TransformerConfig& config,
                             std::int64_t divisible_by) {
  LayoutRequest request;
  request.sizes = options.sizes;
  request.num_layers = config.num_layers;
  request.padded_vocab_size = padded_vocabulary(config.vocab_size, divisible_by, options.sizes.tensor);
  request.tied_embedding = config.share_embeddings_and_output_weights;
  request.impl = options.impl;
  return request;
}

/// Sets every stored tensor's type: its sources' own, or the one asked for where those are floating-point.
void set_dtypes(const StateMap& map, const Checkpoint& source, std::optional<DType> wanted,
                std::vector<SinkTensor>& tensors) {
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    const DType natural = natural_dtype(map, d, source.state.sources);
    tensors[d].dtype = wanted && is_floating(natural) ? *wanted : natural;
  }
}

std::uint64_t total_bytes(const CopyPlan& plan) {
  std::uint64_t bytes = 0;
  for (const ChunkPlan& chunk : plan.chunks) bytes += byte_size(chunk);
  return bytes;
}

/// Tensors that the source stores twice must be equal, or dropping one of them would lose something.
void check_repeats(const Checkpoint& source) {
  for (const auto& [repeat, original] : source.state.repeats) {
    if (tensors_equal(*repeat, *original)) continue;
    throw InputError(source.path + ": tensor " + repeat->name + " differs from " + original->name +
                     ", but config.json says that they are tied (tie_word_embeddings=true); set it to false "
                     "if they are not");
  }
}

std::unique_ptr<TensorSink> make_sink(const Conversion& conversion, const std::string& folder) {
  const TransformerConfig& config = *conversion.source.transformer;
  if (conversion.target.format == "torch") {
    const TransformerImpl impl = conversion.target.impl;
    return make_torch_ranks_sink(
        folder, conversion.plan.tensors,
        [&](PickleArena& arena, PickleNode* top) { add_common_state(arena, top, config, conversion.target); },
        [impl](const std::vector<std::string>& names) { return extra_state_names(names, impl); });
  }
  PickleArena arena;
  PickleNode* common = arena.dict();
  add_common_state(arena, common, config, conversion.target);
  const std::string empty = torch_save_bytes(*arena.list({arena.none()}));
  std::vector<TorchDistObject> objects;
  for (std::string& key : extra_state_keys(conversion.source.state.tensors, config.num_layers)) {
    objects.push_back({std::move(key), empty});
  }
  return make_torch_dist_sink(folder, conversion.plan.tensors, std::move(objects), *common);
}

void copy_tokenizer(const Checkpoint& source, const fs::path& folder) {
  const std::string from = source.hf ? source.hf->directory : source.megatron->directory + "/tokenizer";
  const std::vector<std::string> names = tokenizer_files(from);
  if (names.empty()) return;
  fs::create_directory(folder);
  for (const std::string& name : names) {
    write_file((folder / name).string(), read_file((fs::path(from) / name).string(), 1ULL << 30));
  }
}

}  // namespace

Conversion plan_conversion(const ConvertOptions& options) {
  if (options.to != "torch_dist" && options.to != "torch") {
    throw UsageError("--to " + options.to + ": expected torch_dist or torch");
  }
  if (options.sizes.virtual_pipeline != 1 || options.sizes.expert != 1 || options.sizes.expert_tensor != 1) {
    throw UsageError("--vpp, --ep and --etp other than 1 are not supported yet");
  }
  Conversion conversion;
  conversion.source = open_checkpoint(options.source);
  const Checkpoint& source = conversion.source;
  if (source.model == nullptr) {
    throw InputError(
        options.source +
        ": this Megatron checkpoint has no mhub manifest, so its Hugging Face config is unknown");
  }
  const std::int64_t divisible_by = options.vocab_divisible_by.value_or(options.to == "torch" ? 128 : 1);
  const LayoutRequest request = layout_request(options, *source.transformer, divisible_by);
  conversion.layout = options.to == "torch" ? torch_layout(source.state.tensors, request)
                                            : torch_dist_layout(source.state.tensors, request);
  const StateMap map = compose(source.state.to_canonical, conversion.layout.map, options.source);
  check_destination_coverage(map, options.source);
  set_dtypes(map, source, options.dtype, conversion.layout.tensors);
  conversion.plan = compile(map, source.state.sources, conversion.layout.tensors);
  conversion.folder = iteration_folder(options.iteration);
  conversion.target = {options.to,
                       options.sizes,
                       options.impl,
                       conversion.layout.tensors.front().dtype,
                       request.padded_vocab_size,
                       divisible_by,
                       options.iteration.value_or(0)};
  return conversion;
}

nlohmann::json describe_plan(const Conversion& conversion) {
  struct Rank {
    std::set<std::size_t> tensors;
    std::uint64_t bytes = 0;
    std::set<std::string> files;
  };
  std::map<int, Rank> ranks;
  for (const ChunkPlan& chunk : conversion.plan.chunks) {
    Rank& rank = ranks[conversion.plan.tensors[chunk.tensor].chunks[chunk.chunk].rank];
    rank.tensors.insert(chunk.tensor);
    rank.bytes += byte_size(chunk);
    for (const CopyTerm& term : chunk.terms) {
      if (term.bytes != nullptr) rank.files.insert(term.bytes->name());
    }
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [number, rank] : ranks) {
    list.push_back({{"rank", number},
                    {"tensors", rank.tensors.size()},
                    {"bytes", rank.bytes},
                    {"source_files", rank.files}});
  }
  nlohmann::json tensors = nlohmann::json::array();
  for (const ChunkPlan& chunk : conversion.plan.chunks) {
    const SinkTensor& tensor = conversion.plan.tensors[chunk.tensor];
    const SinkChunk& place = tensor.chunks[chunk.chunk];
    std::set<std::string> sources;
    for (const CopyTerm& term : chunk.terms)
      sources.insert(term.bytes == nullptr ? "(zeros)" : conversion.plan.sources[term.source]->name);
    tensors.push_back({{"name", tensor.name},
                       {"rank", place.rank},
                       {"offset", place.offset},
                       {"shape", place.shape},
                       {"dtype", torch_name(tensor.dtype)},
                       {"bytes", byte_size(chunk)},
                       {"sources", sources}});
  }
  return {{"source", conversion.source.path},
          {"model", conversion.source.model->class_name},
          {"format", conversion.target.format},
          {"total_bytes", total_bytes(conversion.plan)},
          {"ranks", list},
          {"chunks", tensors}};
}

nlohmann::json run_conversion(const Conversion& conversion, const ConvertOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  check_repeats(conversion.source);
  StagingDirectory staging(options.output, options.overwrite);
  const fs::path root = staging.path(), folder = root / conversion.folder;
  fs::create_directory(folder);
  const std::uint64_t bytes = total_bytes(conversion.plan);
  std::vector<std::string> checksums;
  {
    Progress progress("converting", bytes, options.quiet);
    const std::unique_ptr<TensorSink> sink = make_sink(conversion, folder.string());
    ExecuteOptions execution{options.jobs, [&](std::uint64_t done) {
                               progress.add(done);
                               throw_if_interrupted();
                             }};
    checksums = execute(conversion.plan, *sink, execution);
    sink->finish();
  }
  const TransformerConfig& config = *conversion.source.transformer;
  write_file((folder / "run_config.yaml").string(), bridge_run_config(config, conversion.target));
  copy_tokenizer(conversion.source, folder / "tokenizer");
  write_file((root / kManifestName).string(), make_manifest(conversion, checksums).dump(1) + "\n");
  write_file((root / "latest_checkpointed_iteration.txt").string(),
             options.iteration ? std::to_string(*options.iteration) : std::string("release"));
  if (options.verify) {
    const Checkpoint written = open_checkpoint(staging.path());
    const VerifyReport report =
        verify(conversion.source, written, {options.jobs, options.dtype.has_value(), options.quiet});
    if (!report.differences.empty())
      throw MismatchError(report.differences.front().tensor +
                          " differs after conversion; nothing was written");
  }
  staging.commit();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {{"output", options.output},
          {"format", conversion.target.format},
          {"model", conversion.source.model->class_name},
          {"tensors", conversion.plan.tensors.size()},
          {"bytes", bytes},
          {"seconds", seconds.count()},
          {"verified", options.verify},
          {"megatron_lm_flags", megatron_flags(config)},
          {"limits", megatron_limits(config)}};
}

}  // namespace mhub::converters
