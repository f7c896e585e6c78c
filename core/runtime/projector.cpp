// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/projector.hpp"

#include "mhub/base/error.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// A matrix that is stored the other way round, in memory of its own.
WeightView transposed(Weights& weights, const std::string& name, std::int64_t rows, std::int64_t columns) {
  const std::vector<float> stored = weights.values(name, {columns, rows});
  auto values = std::make_shared<std::vector<float>>(stored.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c)
      (*values)[static_cast<std::size_t>(r * columns + c)] = stored[static_cast<std::size_t>(c * rows + r)];
  }
  const auto* data = reinterpret_cast<const std::byte*>(values->data());
  WeightView view{name, rows, columns, {{0, rows, 0, columns, data, columns, DType::f32}}, {}};
  view.storage = std::shared_ptr<const std::byte>(values, data);
  return view;
}

/// Rows of numbers with the grid they lie in.
struct PatchTokens {
  std::vector<float> values;
  PatchGrid grid;
  std::int64_t width;
};

/// Tiles as means of squares, `to` along a side.
PatchTokens pooled(const PatchTokens& in, std::int64_t to) {
  const PatchGrid& grid = in.grid;
  const std::int64_t side = grid.rows, factor = side / to, width = in.width;
  PatchTokens out{std::vector<float>(static_cast<std::size_t>(grid.tiles * to * to * width), 0.0F),
                  {grid.tiles, to, to, 1},
                  width};
  const float share = 1.0F / static_cast<float>(factor * factor);
  for (std::int64_t k = 0; k < grid.tokens(); ++k) {
    const std::int64_t row = k / side % side / factor, column = k % side / factor;
    if (row >= to || column >= to) continue;
    float* sum = out.values.data() + (k / (side * side) * to * to + row * to + column) * width;
    const float* token = in.values.data() + k * width;
    for (std::int64_t c = 0; c < width; ++c) sum[c] += share * token[c];
  }
  return out;
}

/// MergeTokens. Tokens that lie square by square already only need another width.
PatchTokens merged(PatchTokens in, const MergeTokens& step) {
  const PatchGrid from = in.grid;
  const std::int64_t side = step.side, each = side * side, width = in.width;
  const PatchGrid grid{from.tiles, from.rows / side, from.columns / side, 1};
  const bool by_squares = from.merge == side && side > 1;
  if (by_squares && !step.by_channel) return {std::move(in.values), grid, width * each};
  PatchTokens out{std::vector<float>(static_cast<std::size_t>(grid.tokens() * width * each)), grid,
                  width * each};
  auto put = [&](std::int64_t k, std::int64_t square, std::int64_t part) {
    const float* token = in.values.data() + k * width;
    float* to = out.values.data() + square * width * each;
    for (std::int64_t c = 0; c < width; ++c)
      to[step.by_channel ? c * each + part : part * width + c] = token[c];
  };
  for (std::int64_t k = 0; k < from.tokens(); ++k) {
    const std::int64_t row = k / from.columns % from.rows, column = k % from.columns;
    if (by_squares) {
      put(k, k / each, k % each);
    } else if (row < grid.rows * side && column < grid.columns * side) {
      put(k, (k / (from.rows * from.columns) * grid.rows + row / side) * grid.columns + column / side,
          row % side * side + column % side);
    }
  }
  return out;
}

Norm load(Weights& weights, const ProjectorNorm& step, std::int64_t width) {
  Norm norm{step.kind == Normalization::layer ? NormKind::layer : NormKind::rms, step.epsilon,
            weights.vector(step.tensor + "weight", width),
            weights.optional_vector(step.tensor + "bias", width)};
  if (step.zero_centered) {
    for (float& gamma : norm.weight) gamma += 1.0F;
  }
  return norm;
}

Linear load(Weights& weights, Backend& backend, const ProjectorLinear& step, std::int64_t width) {
  WeightView view;
  if (step.transposed) {
    view = transposed(weights, step.tensor, step.out, width);
  } else if (step.convolved > 0) {
    const std::int64_t side = step.convolved;
    view = weights.matrix(step.tensor + "weight", {step.out, width / (side * side), side, side});
  } else {
    view = weights.matrix(step.tensor + "weight", step.out, width);
  }
  return {backend.place(view, Rows::all), weights.optional_vector(step.tensor + "bias", step.out)};
}

}  // namespace

Projector::Projector(const Weights& weights, Backend& backend, const std::vector<ProjectorStep>& steps,
                     std::int64_t width)
    : backend_(backend), source_(weights.source()), width_(width) {
  Weights mine = weights;
  const Overloaded add{
      [&](const AveragePool& pool) { steps_.emplace_back(pool); },
      [&](const MergeTokens& merge) {
        steps_.emplace_back(merge);
        width *= merge.side * merge.side;
      },
      [&](const ProjectorNorm& norm) { steps_.emplace_back(load(mine, norm, width)); },
      [&](const ProjectorLinear& linear) {
        steps_.emplace_back(load(mine, backend, linear, width));
        width = linear.out;
      },
      [&](const ProjectorGate& gate) {
        steps_.emplace_back(Gate{load(mine, backend, ProjectorLinear{gate.gate, gate.out}, width),
                                 load(mine, backend, ProjectorLinear{gate.up, gate.out}, width),
                                 {activation_kind(gate.activation, mine.source()), true, 0.0F, 0.0F}});
        width = gate.out;
      },
      [&](ActivationFunction function) {
        steps_.emplace_back(Activation{activation_kind(function, mine.source()), false, 0.0F, 0.0F});
      }};
  for (const ProjectorStep& step : steps) std::visit(add, step);
}

std::vector<float> Projector::run(std::span<const float> tokens, const PatchGrid& grid) const {
  Workspace workspace(backend_);
  ForwardPass pass{backend_, workspace, Precision::exact, nullptr, nullptr, {}};
  PatchTokens at{{tokens.begin(), tokens.end()}, grid, width_};
  /// Runs `use(in, out)` on the rows as a matrix; the result is `columns` wide.
  auto compute = [&](std::int64_t columns, const auto& use) {
    const auto count = static_cast<std::int64_t>(at.values.size()) / at.width;
    const Matrix in = workspace.matrix("in", count, at.width), out = workspace.matrix("out", count, columns);
    backend_.write(at.values, in);
    use(in, out);
    at.values.resize(static_cast<std::size_t>(count * columns));
    at.width = columns;
    backend_.read(out, at.values);
  };
  const Overloaded apply{
      [&](const AveragePool& pool) {
        if (at.grid.rows != at.grid.columns || at.grid.rows < pool.tokens_per_side)
          refuse("a square of " + std::to_string(pool.tokens_per_side) + " tokens a side at least", at.grid);
        if (at.grid.rows != pool.tokens_per_side) at = pooled(at, pool.tokens_per_side);
      },
      [&](const MergeTokens& merge) {
        if (at.grid.rows < merge.side || at.grid.columns < merge.side ||
            (at.grid.merge > 1 && at.grid.merge != merge.side))
          refuse("squares of " + std::to_string(merge.side) + " tokens a side", at.grid);
        at = merged(std::move(at), merge);
      },
      [&](const Norm& norm) {
        compute(at.width, [&](Matrix in, Matrix out) { backend_.normalize(norm, in, out); });
      },
      [&](const Linear& linear) {
        compute(linear.weight.rows, [&](Matrix in, Matrix out) { linear.run(pass, in, out, false); });
      },
      [&](const Gate& gate) {
        compute(gate.gate.weight.rows, [&](Matrix in, Matrix out) {
          const std::int64_t inner = out.columns;
          // Both halves of a gated activation's input, side by side.
          const Matrix wide = workspace.matrix("wide", in.rows, 2 * inner);
          const Matrix half = workspace.matrix("half", in.rows, inner);
          for (const auto& [linear, first] : {std::pair(&gate.gate, std::int64_t{0}), {&gate.up, inner}}) {
            linear->run(pass, in, half, false);
            backend_.copy(half, wide.slice_columns(first, inner));
          }
          backend_.activate(gate.activation, wide, out);
        });
      },
      [&](const Activation& activation) {
        compute(at.width, [&](Matrix in, Matrix out) { backend_.activate(activation, in, out); });
      }};
  for (const Step& step : steps_) std::visit(apply, step);
  return std::move(at.values);
}

void Projector::refuse(const std::string& expected, const PatchGrid& grid) const {
  throw InputError(source_ + ": the projector takes " + expected + ", and the tower gives " +
                   std::to_string(grid.rows) + " x " + std::to_string(grid.columns));
}

}  // namespace mhub::runtime
