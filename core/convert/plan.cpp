// SPDX-License-Identifier: Apache-2.0
// Conversions worked out but not done: the copy plan and its description.
#include "mhub/mapping/plan.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <utility>

#include "mhub/base/disk_space.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/hub/arriving_model.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

/// Files by number, however many decoded tensors each has.
class FileNumbers {
 public:
  std::size_t of(const ByteSource& bytes) {
    const auto [at, fresh] = numbers_.emplace(&bytes.name(), names_.size());
    if (fresh) names_.push_back(bytes.name());
    return at->second;
  }
  const std::string& name(std::size_t number) const { return names_[number]; }

 private:
  std::unordered_map<const std::string*, std::size_t> numbers_;  ///< a source and its parts have one name
  std::vector<std::string> names_;
};

nlohmann::json describe_ranks(const CopyPlan& plan) {
  struct Rank {
    std::size_t tensors = 0,
                last = 0;  ///< a tensor's chunks follow each other; one behind the last one's number
    std::uint64_t bytes = 0;
    std::vector<bool> files;
  };
  FileNumbers files;
  std::map<int, Rank> ranks;
  for (const ChunkPlan& chunk : plan.chunks) {
    Rank& rank = ranks[plan.tensors[chunk.tensor].chunks[chunk.chunk].rank];
    if (std::exchange(rank.last, chunk.tensor + 1) != chunk.tensor + 1) ++rank.tensors;
    rank.bytes += byte_size(chunk);
    for (const CopyTerm& term : chunk.terms) {
      if (term.zero()) continue;
      const std::size_t file = files.of(*term.bytes);
      if (file >= rank.files.size()) rank.files.resize(file + 1);
      rank.files[file] = true;
    }
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [number, rank] : ranks) {
    std::set<std::string> names;
    for (std::size_t file = 0; file < rank.files.size(); ++file) {
      if (rank.files[file]) names.insert(files.name(file));
    }
    list.push_back(
        {{"rank", number}, {"tensors", rank.tensors}, {"bytes", rank.bytes}, {"source_files", names}});
  }
  return list;
}

}  // namespace

nlohmann::json describe_chunks(const Conversion& conversion) {
  const CopyPlan& plan = conversion.copies();
  nlohmann::json chunks = nlohmann::json::array();
  for (const ChunkPlan& chunk : plan.chunks) {
    const SinkTensor& tensor = plan.tensors[chunk.tensor];
    const SinkChunk& place = tensor.chunks[chunk.chunk];
    std::set<std::string> sources = source_names(plan, chunk);
    for (const CopyTerm& term : chunk.terms) {
      if (term.zero()) sources.insert(term.bytes->name());
    }
    chunks.push_back({{"name", tensor.name},
                      {"rank", place.rank},
                      {"offset", place.offset},
                      {"shape", place.shape},
                      {"dtype", torch_name(tensor.dtype)},
                      {"bytes", byte_size(chunk)},
                      {"sources", sources}});
  }
  return chunks;
}

namespace {

/// The type that a tensor had before it was converted to what is read now, where that is known.
std::optional<DType> former_dtype(const std::string& tensor, const Checkpoint& source) {
  if (!source.manifest.is_object()) return std::nullopt;
  const auto recorded = source.manifest.find("hf_dtypes");
  if (recorded == source.manifest.end() || !recorded->is_object()) return std::nullopt;
  const auto name = recorded->find(tensor);
  if (name == recorded->end() || !name->is_string()) return std::nullopt;
  const auto dtype = dtype_from_torch(name->get<std::string>());
  return dtype && is_floating(*dtype) ? dtype : std::nullopt;
}

/// The types to try for a tensor whose values change: the one that it had, the model's, its own, then wider
/// ones.
std::vector<DType> candidate_dtypes(const SinkTensor& tensor, const Checkpoint& source, DType model) {
  std::vector<DType> candidates;
  if (const auto former = former_dtype(tensor.name, source)) candidates.push_back(*former);
  candidates.insert(candidates.end(), {model, tensor.dtype, DType::f32, DType::f64});
  std::erase_if(candidates, [](DType dtype) { return !can_convert(DType::f64, dtype); });
  return candidates;
}

/// The type of its own of the canonical tensor that a stored one is made of, if it has one.
std::optional<DType> own_dtype(const std::vector<CanonicalTensor>& canonical,
                               const std::vector<Term>& terms) {
  for (const Term& term : terms) {
    if (!term.zero()) return canonical.at(term.source).dtype;
  }
  return std::nullopt;
}

/// Tensors that were joined with others of a wider type, and widened for that, get their own type back, where
/// it still holds their values.
void narrow_again(const StateMap& map, const Checkpoint& source, std::vector<SinkTensor>& tensors) {
  std::vector<std::optional<DType>> former;
  for (const SinkTensor& tensor : tensors) former.push_back(former_dtype(tensor.name, source));
  const std::vector<std::optional<DType>> joined = joined_dtypes(map, former);
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    DType& dtype = tensors[d].dtype;
    if (former[d] && *former[d] != dtype && joined[d] == dtype) {
      if (source.arriving != nullptr) source.arriving->wait();
      dtype = exact_dtype(map, d, source.state.sources, std::array{*former[d], dtype});
    }
  }
}

bool adds(const StateMap& map) {
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    if (added_to(map, d) != 0) return true;
  }
  return false;
}

/// The types that stored tensors are cast to, where somebody asks for one; else empty. `layout` has the
/// source's canonical tensors in their order.
std::vector<DType> cast_dtypes(const Layout& layout, const Checkpoint& source, std::optional<DType> wanted) {
  std::vector<DType> dtypes;
  if (!wanted) return dtypes;
  for (const std::vector<Term>& terms : layout.map.terms)
    dtypes.push_back(own_dtype(source.state.tensors, terms).value_or(*wanted));
  return dtypes;
}

/// Every stored tensor's type: the one that it is cast to where its sources are floating-point, else its
/// sources' own, or, where values change on the way, one that holds them exactly.
std::vector<SinkTensor> typed(const StateMap& map, const Checkpoint& source, std::vector<SinkTensor> tensors,
                              const std::vector<DType>& casts) {
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    const DType natural = natural_dtype(map, d, source.state.sources);
    tensors[d].dtype = !casts.empty() && is_floating(natural) ? casts[d] : natural;
  }
  if (!casts.empty()) return tensors;
  narrow_again(map, source, tensors);
  const DType model = main_dtype(tensors);
  // Values decide, so they must be right, and they lie all over the files.
  if (source.arriving != nullptr && adds(map)) source.arriving->wait();
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    if (added_to(map, d) != 0)
      tensors[d].dtype =
          exact_dtype(map, d, source.state.sources, candidate_dtypes(tensors[d], source, model));
  }
  return tensors;
}

/// The plan that writes a checkpoint of any kind in a layout. Every stored tensor has `dtype` where that is
/// given and its sources are floating-point (but for CanonicalTensor::dtype), else its sources' type, or one
/// that holds its values exactly where they change on the way. Borrows the checkpoint. Throws InputError when
/// the layout and the checkpoint do not fit.
CopyPlan plan_export(const Checkpoint& source, Layout layout, std::optional<DType> dtype) {
  const std::vector<DType> casts = cast_dtypes(layout, source, dtype);
  StateMap map = compose(source.state.to_canonical, std::move(layout.map), source.path);
  check_destination_coverage(map, source.path);
  std::vector<SinkTensor> tensors = typed(map, source, std::move(layout.tensors), casts);
  return compile(std::move(map), source.state.sources, std::move(tensors));
}

}  // namespace

Conversion::Conversion(std::shared_ptr<const Checkpoint> source, const WriteOptions& options)
    : source_(std::move(source)),
      format_(options.format.empty() ? formats().front() : &format_named(options.format)),
      casts_(options.dtype.has_value()) {
  if (source_->model == nullptr) throw InputError(source_->unknown_model);
  std::shared_ptr<OutputFormat> output = format_->output(options, *source_);
  copies_ = std::make_shared<CopyPlan>(plan_export(*source_, output->take_layout(), options.dtype));
  output->set_dtypes(copies_->tensors);
  output_ = std::move(output);
}

std::uint64_t Conversion::bytes() const { return byte_size(*copies_); }

Conversion plan(const std::string& source, const WriteOptions& options, const OpenOptions& open) {
  auto checkpoint = std::make_shared<const Checkpoint>(open_checkpoint(source, open));
  Conversion conversion(checkpoint, options);
  if (checkpoint->arriving != nullptr) checkpoint->arriving->unwatch();  // who watches may be gone soon
  return conversion;
}

nlohmann::json describe(const Conversion& conversion, const std::string& output) {
  return {{"source", conversion.source().path},
          {"model", conversion.source().model->class_name},
          {"format", conversion.format().name()},
          {"total_bytes", conversion.bytes()},
          {"free_bytes", free_space(output)},
          {"output_exists", is_taken(output)},
          {"ranks", describe_ranks(conversion.copies())}};
}

}  // namespace mhub
