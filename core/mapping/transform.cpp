// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/transform.hpp"

#include <array>
#include <numeric>
#include <stdexcept>

#include "mhub/base/config_error.hpp"
#include "mhub/mapping/identity.hpp"

namespace mhub {
namespace {

std::vector<std::string> names_of(std::string_view pattern, std::size_t expected) {
  std::vector<std::string> names = expand_alternatives(pattern);
  if (names.size() != expected) {
    throw std::logic_error("pattern " + std::string(pattern) + " names " + std::to_string(names.size()) +
                           " tensors, the transform takes " + std::to_string(expected));
  }
  return names;
}

Transform identity(std::string kind, std::string_view hf, const Shape& shape, Partition partition) {
  Operand operand{names_of(hf, 1)[0], shape, {run_box(0, 0, numel(shape))}, {}};
  return custom(std::move(kind), {std::move(operand)}, shape, std::move(partition));
}

/// Query heads per group.
std::int64_t require_groups(const AttentionHeads& heads) {
  if (heads.groups <= 0 || heads.query % heads.groups != 0) {
    throw ConfigError("qkv: " + std::to_string(heads.query) + " query heads do not form " +
                      std::to_string(heads.groups) + " groups");
  }
  return heads.query / heads.groups;
}

/// Where the heads lie in linear_qkv: views [groups, heads of the kind per group, dim, inner...].
struct InterleavedHeads {
  InterleavedHeads(const AttentionHeads& heads, const Shape& inner, bool gated = false)
      : per_group(require_groups(heads)),
        dim(heads.dim),
        value_dim(heads.value_dim()),
        unit(((gated ? 2 : 1) * per_group + 1) * dim + value_dim),
        shape(with_rows(heads.groups * unit, inner)),
        units(View(shape).split(0, {heads.groups, unit})) {}
  View query() const { return part(0, per_group, dim); }
  View gate() const { return part(per_group * dim, per_group, dim); }
  View key() const { return part(unit - value_dim - dim, 1, dim); }
  View value() const { return part(unit - value_dim, 1, value_dim); }

  View part(std::int64_t first, std::int64_t count, std::int64_t of_dim) const {
    return units.slice(1, first, count * of_dim).split(1, {count, of_dim});
  }

  std::int64_t per_group, dim, value_dim, unit;  ///< rows of a group
  Shape shape;
  View units;
};

/// Axis 0 in units of the given slices.
Partition interleaved_partition(const Shape& shape, std::vector<Partition::Slice> slices) {
  Partition partition = split_axis(0, shape);
  Partition::Segment& all = partition.segments.front();
  all.unit = 0;
  for (const Partition::Slice& slice : slices) all.unit += slice.length;
  all.slices = std::move(slices);
  return partition;
}

/// The rows of one kind of head in a plain [heads * dim, inner...] tensor that starts at row `first`.
View plain_heads(const View& tensor, std::int64_t first, std::int64_t groups, std::int64_t per_group,
                 std::int64_t dim) {
  return tensor.slice(0, first, groups * per_group * dim).split(0, {groups, per_group, dim});
}

/// An operand that has one kind of head, in order.
Operand plain_operand(const std::string& name, const AttentionHeads& heads, const Shape& inner,
                      const View& destination) {
  const std::int64_t per_group = destination.shape()[1], dim = destination.shape()[2];
  const Shape shape = with_rows(heads.groups * per_group * dim, inner);
  const View source = plain_heads(View(shape), 0, heads.groups, per_group, dim);
  return {name, shape, {zip(source, destination)}, {}};
}

}  // namespace

std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, 14> kNames{"whole", "query", "key",  "value", "output_gate",
                                                    "gate",  "up",    "z",    "x",     "B",
                                                    "C",     "dt",    "beta", "alpha"};
  return kNames.at(static_cast<std::size_t>(role));
}

std::vector<RolePart> role_parts(const Shape& shape, const Partition& partition) {
  std::vector<RolePart> parts;
  if (partition.replicated()) return parts;
  const auto axis = static_cast<std::size_t>(partition.axis);
  std::int64_t begin = 0;
  for (const Partition::Segment& segment : partition.segments) {
    const View view = View(shape).slice(axis, begin, segment.length);
    begin += segment.length;
    Shape part = shape;
    if (segment.role != Role::whole) {
      part[axis] = segment.length;
      parts.push_back({segment.role, part, zip(view, View(part))});
    }
    const std::int64_t units = segment.length / segment.unit;
    std::int64_t first = 0;
    for (const Partition::Slice& slice : segment.slices) {
      part[axis] = units * slice.length;
      const View from = view.split(axis, {units, segment.unit}).slice(axis + 1, first, slice.length);
      parts.push_back({slice.role, part, zip(from, View(part).split(axis, {units, slice.length}))});
      first += slice.length;
    }
  }
  return parts;
}

Shape with_rows(std::int64_t rows, const Shape& inner) {
  Shape shape{rows};
  shape.insert(shape.end(), inner.begin(), inner.end());
  return shape;
}

Partition split_axis(int axis, const Shape& shape, std::vector<Partition::Segment> segments) {
  if (segments.empty()) segments.emplace_back(shape.at(static_cast<std::size_t>(axis)));
  return {axis, std::move(segments), false};
}

Partition gate_up_partition(const Shape& shape) {
  const std::int64_t rows = shape.at(0) / 2;
  return split_axis(0, shape, {{rows, Role::gate}, {rows, Role::up}});
}

Partition qkv_partition(const AttentionHeads& heads, const Shape& shape) {
  const std::int64_t queries = require_groups(heads) * heads.dim;
  return interleaved_partition(
      shape, {{Role::query, queries}, {Role::key, heads.dim}, {Role::value, heads.value_dim()}});
}

Transform custom(std::string kind, std::vector<Operand> operands, const Shape& shape, Partition partition) {
  std::int64_t length = 0;
  for (const Partition::Segment& segment : partition.segments) length += segment.length;
  if (!partition.replicated() && length != shape.at(static_cast<std::size_t>(partition.axis))) {
    throw std::logic_error(kind + ": the partition's segments do not sum to axis " +
                           std::to_string(partition.axis) + " of " + to_string(shape));
  }
  return {std::move(kind), std::move(operands), shape, std::move(partition)};
}

Transform replicated(std::string_view hf, const Shape& shape) {
  return identity("replicated", hf, shape, {});
}
Transform flattened(std::string_view hf, const Shape& shape) {
  if (shape.size() == 1) return replicated(hf, shape);
  return custom("flattened", {{std::string(hf), shape, {run_box(0, 0, numel(shape))}, {}}}, {numel(shape)},
                {});
}
Transform replicated_or_column(std::string_view hf, const Shape& shape) {
  Transform transform = replicated(hf, shape);
  transform.local_partition = split_axis(0, shape);
  return transform;
}
Transform column(std::string_view hf, const Shape& shape) {
  return identity("column", hf, shape, split_axis(0, shape));
}
Transform row(std::string_view hf, const Shape& shape) {
  return identity("row", hf, shape, split_axis(1, shape));
}

Transform vocabulary(std::string_view hf, const Shape& shape) {
  Partition partition = split_axis(0, shape);
  partition.vocabulary = true;
  return identity("vocabulary", hf, shape, std::move(partition));
}

Transform partitioned(std::string_view hf, const Shape& shape, Partition partition) {
  return identity("partitioned", hf, shape, std::move(partition));
}

Transform concatenated(std::string_view hf, const std::vector<std::int64_t>& rows, const Shape& inner) {
  const std::vector<std::string> names = names_of(hf, rows.size());
  const Shape shape = with_rows(std::accumulate(rows.begin(), rows.end(), std::int64_t{0}), inner);
  std::vector<Operand> operands;
  numel(shape);  // all products below fit when this does
  const std::int64_t row_size = numel(inner);
  std::int64_t first = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    operands.push_back(
        {names[k], with_rows(rows[k], inner), {run_box(0, first * row_size, rows[k] * row_size)}, {}});
    first += rows[k];
  }
  return custom("concatenated", std::move(operands), shape, split_axis(0, shape, {rows.begin(), rows.end()}));
}

Transform gated(std::string_view hf_gate_up, std::int64_t rows, const Shape& inner) {
  Transform transform = concatenated(hf_gate_up, {rows, rows}, inner);
  transform.kind = "gated";
  transform.partition = gate_up_partition(transform.shape);
  return transform;
}

Transform qkv(std::string_view hf_q_k_v, const AttentionHeads& heads, const Shape& inner) {
  const std::vector<std::string> names = names_of(hf_q_k_v, 3);
  const InterleavedHeads to(heads, inner);
  return custom(
      "qkv",
      {plain_operand(names[0], heads, inner, to.query()), plain_operand(names[1], heads, inner, to.key()),
       plain_operand(names[2], heads, inner, to.value())},
      to.shape, qkv_partition(heads, to.shape));
}

Transform fused_qkv(std::string_view hf, const AttentionHeads& heads, const Shape& inner) {
  const InterleavedHeads to(heads, inner);
  const View tensor(to.shape);
  auto part = [&](std::int64_t first_head, const View& destination) {
    return zip(plain_heads(tensor, first_head * heads.dim, heads.groups, destination.shape()[1],
                           destination.shape()[2]),
               destination);
  };
  Operand operand{
      names_of(hf, 1)[0],
      to.shape,
      {part(0, to.query()), part(heads.query, to.key()), part(heads.query + heads.groups, to.value())},
      {}};
  return custom("fused_qkv", {std::move(operand)}, to.shape, qkv_partition(heads, to.shape));
}

Transform tied_qkv(std::string_view hf_q_k, const AttentionHeads& heads, const Shape& inner) {
  const std::vector<std::string> names = names_of(hf_q_k, 2);
  const InterleavedHeads to(heads, inner);
  Operand key = plain_operand(names[1], heads, inner, to.key());
  key.fillers = plain_operand(names[1], heads, inner, to.value()).boxes;
  return custom("tied_qkv", {plain_operand(names[0], heads, inner, to.query()), std::move(key)}, to.shape,
                qkv_partition(heads, to.shape));
}

Transform query_alone(std::string_view hf_q, const AttentionHeads& heads, const Shape& inner) {
  const InterleavedHeads to(heads, inner);
  Transform transform = custom("query_alone", {plain_operand(names_of(hf_q, 1)[0], heads, inner, to.query())},
                               to.shape, qkv_partition(heads, to.shape));
  transform.zeros = {zip(to.key(), to.key()), zip(to.value(), to.value())};
  return transform;
}

Transform filled(std::string_view hf, const Shape& shape) {
  Operand operand{names_of(hf, 1)[0], shape, {}, {}};
  operand.fillers = {run_box(0, 0, numel(shape))};
  return custom("filled", {std::move(operand)}, shape, {});
}

Transform gated_qkv(std::string_view hf_q_k_v, const AttentionHeads& heads, const Shape& inner) {
  const std::vector<std::string> names = names_of(hf_q_k_v, 3);
  const InterleavedHeads to(heads, inner, true);
  const Shape query_shape = with_rows(2 * heads.query * heads.dim, inner);
  const View query = View(query_shape).split(0, {heads.groups, to.per_group, 2, heads.dim});
  Operand q{
      names[0], query_shape, {zip(query.select(2, 0), to.query()), zip(query.select(2, 1), to.gate())}, {}};
  const std::int64_t queries = to.per_group * heads.dim;
  return custom("gated_qkv",
                {std::move(q), plain_operand(names[1], heads, inner, to.key()),
                 plain_operand(names[2], heads, inner, to.value())},
                to.shape,
                interleaved_partition(to.shape, {{Role::query, queries},
                                                 {Role::output_gate, queries},
                                                 {Role::key, heads.dim},
                                                 {Role::value, heads.value_dim()}}));
}

Transform zero_centered(Transform transform) {
  transform.added -= 1;
  transform.kind += ", minus 1";
  return transform;
}

Transform transposed(Transform transform) {
  for (Operand& operand : transform.operands) {
    if (operand.shape.size() != 2)
      throw std::logic_error("transposed: " + operand.name + " has not two axes");
    const Shape stored{operand.shape[1], operand.shape[0]};
    const Box turn = zip(View(stored).permute({1, 0}), View(operand.shape));
    for (std::vector<Box>* all : {&operand.boxes, &operand.fillers}) {
      std::vector<Box> boxes;
      for (const Box& box : *all) {
        for (Box& part : compose(turn, box)) boxes.push_back(std::move(part));
      }
      *all = std::move(boxes);
    }
    operand.shape = stored;
  }
  transform.kind += ", transposed";
  return transform;
}

Transform stacked(Transform transform, const std::string& variable, std::int64_t count) {
  for (Operand& operand : transform.operands) {
    operand.shape.insert(operand.shape.begin(), count);
    operand.stack_variable = variable;
  }
  transform.kind += ", stacked";
  return transform;
}

}  // namespace mhub
