#include "verify.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/interrupt.hpp"
#include "mhub/base/progress.hpp"

namespace mhub::converters {
namespace {

SinkTensor whole(const StateTensor& tensor, DType dtype) {
  return {tensor.name, dtype, tensor.shape, {{Index(tensor.shape.size(), 0), tensor.shape, 0}}};
}

/// A map that reads each tensor as it is stored.
StateMap identity(const std::vector<StateTensor>& tensors) {
  StateMap map{tensors, tensors, {}, std::vector<char>(tensors.size(), 0), {}};
  for (std::size_t k = 0; k < tensors.size(); ++k)
    map.terms.push_back({{k, run_box(0, 0, numel(tensors[k].shape))}});
  return map;
}

struct Side {
  const StateMap& map;
  const std::vector<const StoredTensor*>& sources;
};

/// Compares the destinations of two maps that have the same ones.
void compare_sides(const Side& left, const Side& right, const VerifyOptions& options, Progress& progress,
                   VerifyReport& report) {
  std::vector<SinkTensor> left_tensors, right_tensors;
  for (std::size_t d = 0; d < left.map.destination.size(); ++d) {
    const DType l = natural_dtype(left.map, d, left.sources), r = natural_dtype(right.map, d, right.sources);
    if (l != r && !options.cast) {
      throw MismatchError("tensor " + left.map.destination[d].name + " is " + std::string(torch_name(l)) +
                          " on the left and " + std::string(torch_name(r)) +
                          " on the right; pass --cast to compare after that rounding");
    }
    left_tensors.push_back(whole(left.map.destination[d], r));
    right_tensors.push_back(whole(left.map.destination[d], r));
  }
  const CopyPlan left_plan = compile(left.map, left.sources, std::move(left_tensors));
  const CopyPlan right_plan = compile(right.map, right.sources, std::move(right_tensors));
  ExecuteOptions execution;
  execution.jobs = options.jobs;
  execution.on_bytes = [&](std::uint64_t bytes) {
    progress.add(bytes);
    throw_if_interrupted();
  };
  for (Difference& difference : compare(left_plan, right_plan, execution))
    report.differences.push_back(std::move(difference));
  report.tensors += left_plan.tensors.size();
  for (const ChunkPlan& chunk : left_plan.chunks) report.bytes += byte_size(chunk);
}

/// The copies that `checkpoint` stores, against the canonical state that `reference` makes.
void compare_copies(const Checkpoint& reference, const Checkpoint& checkpoint, const VerifyOptions& options,
                    Progress& progress, VerifyReport& report) {
  if (!checkpoint.megatron) return;
  const StoredCopies copies =
      stored_copies(*checkpoint.megatron, reference.state.tensors, *reference.transformer);
  if (copies.stored.empty()) return;
  const StateMap expected = compose(reference.state.to_canonical, copies.map, reference.path);
  compare_sides({expected, reference.state.sources}, {identity(copies.map.destination), copies.stored},
                options, progress, report);
}

/// Tensors that a Hugging Face folder stores twice.
void compare_repeats(const Checkpoint& checkpoint, VerifyReport& report) {
  for (const auto& [repeat, original] : checkpoint.state.repeats) {
    const StateMap map = identity({{repeat->name, repeat->shape}});
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
  std::uint64_t bytes = 0;
  for (const StoredTensor* tensor : left.state.sources)
    bytes += static_cast<std::uint64_t>(numel(tensor->shape)) * size_of(tensor->dtype);
  Progress progress("verifying", bytes, options.quiet);
  compare_sides({left.state.to_canonical, left.state.sources},
                {right.state.to_canonical, right.state.sources}, options, progress, report);
  compare_repeats(left, report);
  compare_repeats(right, report);
  compare_copies(left, right, options, progress, report);
  compare_copies(right, left, options, progress, report);
  return report;
}

bool tensors_equal(const StoredTensor& left, const StoredTensor& right) {
  if (left.dtype != right.dtype || left.shape != right.shape) return false;
  const StateMap map = identity({{left.name, left.shape}});
  const CopyPlan a = compile(map, {&left}, {whole(map.destination[0], left.dtype)});
  const CopyPlan b = compile(map, {&right}, {whole(map.destination[0], left.dtype)});
  return compare(a, b, {}).empty();
}

}  // namespace mhub::converters
