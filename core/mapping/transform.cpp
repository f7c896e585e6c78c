// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/transform.hpp"

#include <numeric>
#include <stdexcept>

#include "mhub/base/config_error.hpp"
#include "mhub/mapping/pattern.hpp"

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

Shape with_rows(std::int64_t rows, const Shape& inner) {
  Shape shape{rows};
  shape.insert(shape.end(), inner.begin(), inner.end());
  return shape;
}

Transform identity(std::string kind, std::string_view hf, const Shape& shape, Partition partition) {
  Operand operand{names_of(hf, 1)[0], shape, {run_box(0, 0, numel(shape))}, {}};
  return custom(std::move(kind), {std::move(operand)}, shape, std::move(partition));
}

/// Where the query, key and value heads lie in linear_qkv: views [groups, heads of the kind per group, dim,
/// inner...].
struct InterleavedHeads {
  View q, k, v;
  Shape shape;
  Partition partition;
};

/// Query heads per group.
std::int64_t require_groups(const AttentionHeads& heads) {
  if (heads.groups <= 0 || heads.query % heads.groups != 0) {
    throw ConfigError("qkv: " + std::to_string(heads.query) + " query heads do not form " +
                      std::to_string(heads.groups) + " groups");
  }
  return heads.query / heads.groups;
}

InterleavedHeads interleaved(const AttentionHeads& heads, const Shape& inner) {
  const std::int64_t per_group = require_groups(heads);
  const Shape shape = with_rows((heads.query + 2 * heads.groups) * heads.dim, inner);
  const View all = View(shape).split(0, {heads.groups, per_group + 2, heads.dim});
  return {all.slice(1, 0, per_group), all.slice(1, per_group, 1), all.slice(1, per_group + 1, 1), shape,
          qkv_partition(heads, shape)};
}

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

}  // namespace

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
  return interleaved_partition(shape,
                               {{Role::query, queries}, {Role::key, heads.dim}, {Role::value, heads.dim}});
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
  const InterleavedHeads to = interleaved(heads, inner);
  auto operand = [&](const std::string& name, const View& destination) {
    const Shape shape = with_rows(heads.groups * destination.shape()[1] * heads.dim, inner);
    const View source = plain_heads(View(shape), 0, heads.groups, destination.shape()[1], heads.dim);
    return Operand{name, shape, {zip(source, destination)}, {}};
  };
  return custom("qkv", {operand(names[0], to.q), operand(names[1], to.k), operand(names[2], to.v)}, to.shape,
                to.partition);
}

Transform fused_qkv(std::string_view hf, const AttentionHeads& heads, const Shape& inner) {
  const InterleavedHeads to = interleaved(heads, inner);
  const View tensor(to.shape);
  const std::int64_t per_group = heads.query / heads.groups;
  auto part = [&](std::int64_t first_head, std::int64_t heads_per_group, const View& destination) {
    return zip(plain_heads(tensor, first_head * heads.dim, heads.groups, heads_per_group, heads.dim),
               destination);
  };
  Operand operand{
      names_of(hf, 1)[0],
      to.shape,
      {part(0, per_group, to.q), part(heads.query, 1, to.k), part(heads.query + heads.groups, 1, to.v)},
      {}};
  return custom("fused_qkv", {std::move(operand)}, to.shape, to.partition);
}

Transform gated_qkv(std::string_view hf_q_k_v, const AttentionHeads& heads, const Shape& inner) {
  const std::vector<std::string> names = names_of(hf_q_k_v, 3);
  // A query head and its gate count as two heads.
  const std::int64_t doubled = 2 * heads.query, per_group = require_groups(heads);
  const Shape shape = with_rows((doubled + 2 * heads.groups) * heads.dim, inner);
  const View all = View(shape).split(0, {heads.groups, 2 * per_group + 2, heads.dim});
  const Shape query_shape = with_rows(doubled * heads.dim, inner);
  const View query = View(query_shape).split(0, {heads.groups, per_group, 2, heads.dim});
  Operand q{names[0],
            query_shape,
            {zip(query.select(2, 0), all.slice(1, 0, per_group)),
             zip(query.select(2, 1), all.slice(1, per_group, per_group))},
            {}};
  auto single = [&](const std::string& name, std::int64_t head) {
    const Shape rows = with_rows(heads.groups * heads.dim, inner);
    return Operand{
        name, rows, {zip(View(rows).split(0, {heads.groups, heads.dim}), all.select(1, head))}, {}};
  };
  const std::int64_t queries = per_group * heads.dim;
  return custom("gated_qkv",
                {std::move(q), single(names[1], 2 * per_group), single(names[2], 2 * per_group + 1)}, shape,
                interleaved_partition(shape, {{Role::query, queries},
                                              {Role::output_gate, queries},
                                              {Role::key, heads.dim},
                                              {Role::value, heads.dim}}));
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
    std::vector<Box> boxes;
    for (const Box& box : operand.boxes) {
      for (Box& part : compose(turn, box)) boxes.push_back(std::move(part));
    }
    operand.boxes = std::move(boxes);
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
