// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/verify.hpp"

#include "mhub/base/error.hpp"
#include "mhub/mapping/plan.hpp"

namespace mhub {
namespace {

SinkTensor whole(const StateTensor& tensor, DType dtype) {
  return SinkTensor::whole(tensor.name, dtype, tensor.shape);
}

struct Side {
  const StateMap& map;
  const std::vector<const StoredTensor*>& sources;
};

/// The type in which a destination is compared: the right side's, where both have the same or the left is to
/// be cast; one that loses nothing where the left side's values change.
DType compared_dtype(const StateMap& map, std::size_t d, const Side& left, const Side& right, bool cast) {
  const DType l = natural_dtype(map, d, left.sources), r = natural_dtype(right.map, d, right.sources);
  if (cast) return r;
  if (added_to(map, d) != 0) return exact_dtype(map, d, left.sources, std::array{DType::f64});
  if (l != r) {
    throw MismatchError("tensor " + map.destination[d].name + " is " + std::string(torch_name(l)) +
                        " on the left and " + std::string(torch_name(r)) +
                        " on the right; pass --cast to compare after that rounding");
  }
  return r;
}

/// Compares the destinations of two maps that have the same ones, with the values that the right side stores.
void compare_sides(const Side& left, const Side& right, const VerifyOptions& options, Stage& stage,
                   VerifyReport& report) {
  StateMap left_map = left.map, right_map = right.map;
  std::vector<SinkTensor> tensors;
  for (std::size_t d = 0; d < left_map.destination.size(); ++d) {
    const double added = added_to(right_map, d);
    for (StateMap* map : {&left_map, &right_map}) {
      for (Term& term : map->terms[d]) term.added -= added;
    }
    tensors.push_back(whole(left_map.destination[d], compared_dtype(left_map, d, left, right, options.cast)));
  }
  const CopyPlan left_plan = compile(left_map, left.sources, tensors);
  const CopyPlan right_plan = compile(right_map, right.sources, std::move(tensors));
  ExecuteOptions execution;
  execution.jobs = options.jobs;
  execution.on_bytes = [&](std::uint64_t bytes) { stage.add(bytes); };
  for (Difference& difference : compare(left_plan, right_plan, execution))
    report.differences.push_back(std::move(difference));
  report.tensors += left_plan.tensors.size();
  for (const ChunkPlan& chunk : left_plan.chunks) report.bytes += byte_size(chunk);
}

/// The copies that `checkpoint` stores, against the canonical state that `reference` makes.
void compare_copies(const Checkpoint& reference, const Checkpoint& checkpoint, const VerifyOptions& options,
                    Stage& stage, VerifyReport& report) {
  const Copies copies = checked_copies(checkpoint.state.to_canonical);
  if (copies.source.empty()) return;
  std::vector<const StoredTensor*> stored;
  for (const std::size_t source : copies.source) stored.push_back(checkpoint.state.sources[source]);
  const StateMap expected = compose(reference.state.to_canonical, copies.map, reference.path);
  compare_sides({expected, reference.state.sources}, {identity_map(copies.map.destination), stored}, options,
                stage, report);
}

/// Tensors that a Hugging Face folder stores twice.
void compare_repeats(const Checkpoint& checkpoint, VerifyReport& report) {
  for (const auto& [repeat, original] : checkpoint.state.repeats) {
    const StateMap map = identity_map({{repeat->name, repeat->shape}});
    const CopyPlan a = compile(map, {original}, {whole(map.destination[0], original->dtype)});
    const CopyPlan b = compile(map, {repeat}, {whole(map.destination[0], repeat->dtype)});
    for (Difference& difference : compare(a, b, {})) report.differences.push_back(std::move(difference));
    ++report.tensors;
  }
}

}  // namespace

VerifyReport verify(const Checkpoint& left, const Checkpoint& right, const VerifyOptions& options) {
  for (const Checkpoint* side : {&left, &right}) {
    if (side->model == nullptr) throw InputError(side->unknown_model);
  }
  const std::vector<CanonicalTensor>&a = left.state.tensors, &b = right.state.tensors;
  bool same = a.size() == b.size();
  for (std::size_t k = 0; same && k < a.size(); ++k) {
    if (a[k].name != b[k].name || a[k].shape != b[k].shape) {
      throw InputError("not the same model: " + left.path + " has " + a[k].name + " " +
                       to_string(a[k].shape) + ", " + right.path + " has " + b[k].name + " " +
                       to_string(b[k].shape));
    }
  }
  if (!same)
    throw InputError("not the same model: " + std::to_string(a.size()) + " and " + std::to_string(b.size()) +
                     " tensors");
  VerifyReport report;
  if (!options.tensors_only) report.fields = differing_fields(*left.transformer, *right.transformer);
  std::uint64_t bytes = 0;
  for (const StoredTensor* tensor : left.state.sources) bytes += byte_count(tensor->shape, tensor->dtype);
  Stage stage(options.callbacks, "verifying", bytes);
  compare_sides({left.state.to_canonical, left.state.sources},
                {right.state.to_canonical, right.state.sources}, options, stage, report);
  compare_repeats(left, report);
  compare_repeats(right, report);
  compare_copies(left, right, options, stage, report);
  // A cast goes one way: what the left repeats is then compared with the left itself.
  compare_copies(options.cast ? left : right, left, options, stage, report);
  return report;
}

std::pair<Checkpoint, Checkpoint> open_both(const std::string& left, const std::string& right,
                                            const OpenOptions& options) {
  Checkpoint a = open_checkpoint(left, options);
  OpenOptions like = options;
  like.like = &a;
  Checkpoint b = open_checkpoint(right, like);
  if (a.model == nullptr && b.model != nullptr) {
    like.like = &b;
    a = open_checkpoint(left, like);
  }
  return {std::move(a), std::move(b)};
}

VerifyReport verify(const std::string& left, const std::string& right, const VerifyOptions& options,
                    const OpenOptions& open) {
  const auto [a, b] = open_both(left, right, open);
  return verify(a, b, options);
}

}  // namespace mhub
