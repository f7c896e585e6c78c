// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/export_plan.hpp"

#include <set>

#include "mhub/base/error.hpp"
#include "mhub/formats/output_format.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

bool equal(const StoredTensor& left, const StoredTensor& right) {
  if (left.dtype != right.dtype || left.shape != right.shape) return false;
  const StateMap map = identity_map({{left.name, left.shape}});
  const SinkTensor whole = SinkTensor::whole(left.name, left.dtype, left.shape);
  return compare(compile(map, {&left}, {whole}), compile(map, {&right}, {whole}), {}).empty();
}

/// The types to try for a tensor whose values change: the one that it had before it was converted to what is
/// read now, the model's, its own, then wider ones.
std::vector<DType> candidate_dtypes(const SinkTensor& tensor, const Checkpoint& source, DType model) {
  std::vector<DType> candidates;
  if (source.manifest.is_object()) {
    const nlohmann::json recorded = source.manifest.value("hf_dtypes", nlohmann::json::object());
    const auto name = recorded.is_object() ? recorded.find(tensor.name) : recorded.end();
    if (name != recorded.end() && name->is_string()) {
      if (const auto dtype = dtype_from_torch(name->get<std::string>()); dtype && is_floating(*dtype))
        candidates.push_back(*dtype);
    }
  }
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

/// Every stored tensor's type: the one asked for where its sources are floating-point, else its sources' own,
/// or, where values change on the way, one that holds them exactly. `layout` has the source's canonical
/// tensors in their order.
std::vector<SinkTensor> typed(const StateMap& map, const Checkpoint& source, std::optional<DType> wanted,
                              const Layout& layout) {
  std::vector<SinkTensor> tensors = layout.tensors;
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    const DType natural = natural_dtype(map, d, source.state.sources);
    const bool cast = wanted && is_floating(natural);
    tensors[d].dtype =
        cast ? own_dtype(source.state.tensors, layout.map.terms[d]).value_or(*wanted) : natural;
  }
  if (wanted) return tensors;
  const DType model = main_dtype(tensors);
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    if (added_to(map, d) != 0)
      tensors[d].dtype =
          exact_dtype(map, d, source.state.sources, candidate_dtypes(tensors[d], source, model));
  }
  return tensors;
}

}  // namespace

CopyPlan plan_export(const Checkpoint& source, const Layout& layout, std::optional<DType> dtype) {
  const StateMap map = compose(source.state.to_canonical, layout.map, source.path);
  check_destination_coverage(map, source.path);
  return compile(map, source.state.sources, typed(map, source, dtype, layout));
}

void require_equal_repeats(const Checkpoint& source) {
  for (const auto& [repeat, original] : source.state.repeats) {
    if (equal(*repeat, *original)) continue;
    throw InputError(source.path + ": tensor " + repeat->name + " differs from " + original->name +
                     ", but config.json says that they are tied (tie_word_embeddings=true); set it to false "
                     "if they are not");
  }
}

std::string source_fingerprint(const CopyPlan& plan) {
  std::set<std::string> files;
  for (const StoredTensor* tensor : plan.sources) {
    // By content: a path may be spelled in many ways.
    for (const StoredChunk& chunk : tensor->chunks) files.insert(chunk.bytes->fingerprint());
  }
  std::string text;
  for (const std::string& file : files) text += file + "\n";
  return text;
}

}  // namespace mhub
