// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/verify.hpp"

#include <array>
#include <map>

#include "mhub/base/error.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

SinkTensor whole(const StateTensor& tensor, DType dtype) {
  return SinkTensor::whole(tensor.name, dtype, tensor.shape);
}

struct Side {
  const StateMap& map;
  const std::vector<const StoredTensor*>& sources;

  std::vector<std::optional<DType>> dtypes() const {
    std::vector<std::optional<DType>> dtypes;
    for (std::size_t d = 0; d < map.destination.size(); ++d) dtypes.push_back(natural_dtype(map, d, sources));
    return dtypes;
  }
};

/// The types of the destinations of two sides, and those that each side has where it stores in one tensor
/// what the other stores in several of different types.
struct SideTypes {
  SideTypes(const Side& l, const Side& r)
      : left(l.dtypes()),
        right(r.dtypes()),
        left_joined(joined_dtypes(l.map, right)),
        right_joined(joined_dtypes(r.map, left)) {}

  std::vector<std::optional<DType>> left, right, left_joined, right_joined;
};

/// Whether a destination has different types on the two sides that say something: not where the left is to be
/// cast, where one side stores it together with others, and where the left side's values change.
bool retyped(const StateMap& map, std::size_t d, const SideTypes& types, bool cast) {
  return !cast && types.left[d] != types.right[d] && types.left[d] != types.left_joined[d] &&
         types.right[d] != types.right_joined[d] && added_to(map, d) == 0;
}

/// The type that holds what both sides have of a destination.
DType common_dtype(const std::string& name, DType left, DType right) {
  const std::optional<DType> both = joined_dtype(left, right);
  if (both) return *both;
  throw MismatchError("tensor " + name + " is " + std::string(torch_name(left)) + " on the left and " +
                      std::string(torch_name(right)) + " on the right, and no type holds both");
}

/// The type in which a destination is compared: the right side's, where both have the same or the left is to
/// be cast; the wider one's, where that is wider only because it is stored together with others; one that
/// loses nothing where the types or the left side's values change.
DType compared_dtype(const StateMap& map, std::size_t d, const Side& left, const SideTypes& types,
                     bool cast) {
  const DType l = types.left[d].value(), r = types.right[d].value();
  if (cast) return r;
  if (added_to(map, d) != 0) return exact_dtype(map, d, left.sources, std::array{DType::f64});
  if (retyped(map, d, types, cast)) return common_dtype(map.destination[d].name, l, r);
  return l == types.left_joined[d] ? l : r;
}

/// Compares the destinations of two maps that have the same ones, with the values that the right side stores.
void compare_sides(const Side& left, const Side& right, const VerifyOptions& options, Stage& stage,
                   VerifyReport& report) {
  StateMap left_map = left.map, right_map = right.map;
  const SideTypes types(left, right);
  std::vector<SinkTensor> tensors;
  for (std::size_t d = 0; d < left_map.destination.size(); ++d) {
    const double added = added_to(right_map, d);
    for (StateMap* map : {&left_map, &right_map}) {
      for (Term& term : map->terms[d]) term.added -= added;
    }
    tensors.push_back(whole(left_map.destination[d], compared_dtype(left_map, d, left, types, options.cast)));
    if (retyped(left_map, d, types, options.cast))
      report.retyped.push_back({left_map.destination[d].name, *types.left[d], *types.right[d]});
  }
  const CopyPlan left_plan = compile(left_map, left.sources, tensors);
  const CopyPlan right_plan = compile(right_map, right.sources, std::move(tensors));
  ExecuteOptions execution;
  execution.jobs = options.jobs;
  execution.on_bytes = [&](std::uint64_t bytes) { stage.add(bytes); };
  for (Difference& difference : compare(left_plan, right_plan, execution))
    report.differences.push_back(std::move(difference));
  report.tensors += left_plan.tensors.size();
  report.bytes += byte_size(left_plan);
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

/// In the order of their names.
std::vector<UnmatchedTensor> unmatched_tensors(const std::vector<CanonicalTensor>& left,
                                               const std::vector<CanonicalTensor>& right) {
  std::map<std::string, UnmatchedTensor> all;
  for (const CanonicalTensor& tensor : left) all[tensor.name].left = tensor.shape;
  for (const CanonicalTensor& tensor : right) all[tensor.name].right = tensor.shape;
  std::vector<UnmatchedTensor> unmatched;
  for (auto& [name, one] : all) {
    one.name = name;
    if (one.left != one.right) unmatched.push_back(std::move(one));
  }
  return unmatched;
}

/// `map` with its destinations in the order of those of `order`, which has the same ones.
StateMap ordered(const StateMap& map, const StateMap& order) {
  std::map<std::string_view, std::size_t> places;
  for (std::size_t d = 0; d < map.destination.size(); ++d) places.emplace(map.destination[d].name, d);
  StateMap out = map;
  out.destination = order.destination;
  for (std::size_t d = 0; d < order.destination.size(); ++d)
    out.terms[d] = map.terms[places.at(order.destination[d].name)];
  return out;
}

std::string identity(const Checkpoint& left, const Checkpoint& right) {
  return fingerprint(left.state.sources) + fingerprint(right.state.sources);
}

}  // namespace

VerifyReport verify(const Checkpoint& left, const Checkpoint& right, const VerifyOptions& options) {
  for (const Checkpoint* side : {&left, &right}) {
    if (side->model == nullptr) throw InputError(side->unknown_model);
  }
  VerifyReport report;
  if (!options.tensors_only) report.fields = differing_fields(*left.transformer, *right.transformer);
  report.unmatched = unmatched_tensors(left.state.tensors, right.state.tensors);
  if (!report.unmatched.empty()) return report;
  std::uint64_t bytes = 0;
  for (const StoredTensor* tensor : left.state.sources) bytes += byte_count(tensor->shape, tensor->dtype);
  const std::string before = identity(left, right);
  Stage stage(options.callbacks, "verifying", bytes);
  // Two classes may list the same tensors in different orders.
  const StateMap in_left_order = ordered(right.state.to_canonical, left.state.to_canonical);
  compare_sides({left.state.to_canonical, left.state.sources}, {in_left_order, right.state.sources}, options,
                stage, report);
  compare_repeats(left, report);
  compare_repeats(right, report);
  compare_copies(left, right, options, stage, report);
  // A cast goes one way: what the left repeats is then compared with the left itself.
  compare_copies(options.cast ? left : right, left, options, stage, report);
  if (identity(left, right) != before)
    throw InputError(left.path + " or " + right.path +
                     ": changed while they were compared; verify them again");
  return report;
}

VerifyReport verify(const std::string& left, const std::string& right, const VerifyOptions& options,
                    const OpenOptions& open) {
  const auto [a, b] = open_both(left, right, open);
  return verify(a, b, options);
}

}  // namespace mhub
