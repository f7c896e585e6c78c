// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/weights.hpp"

#include "mhub/base/error.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub::runtime {
namespace {

/// The shape without its axes of 1.
Shape squeezed(const Shape& shape) {
  Shape result;
  for (const std::int64_t size : shape) {
    if (size != 1) result.push_back(size);
  }
  return result;
}

}  // namespace

CopyPlan canonical_plan(const CanonicalState& state) {
  std::vector<SinkTensor> tensors;
  tensors.reserve(state.tensors.size());
  for (std::size_t k = 0; k < state.tensors.size(); ++k) {
    const CanonicalTensor& tensor = state.tensors[k];
    tensors.push_back(
        SinkTensor::whole(tensor.name, natural_dtype(state.to_canonical, k, state.sources), tensor.shape));
  }
  return compile(state.to_canonical, state.sources, std::move(tensors));
}

Weights::Weights(const Checkpoint& checkpoint, std::optional<DType> dtype)
    : all_(std::make_shared<All>(All{checkpoint.path, dtype, {}, {}, {}, 0})) {
  if (checkpoint.model == nullptr) throw InputError(checkpoint.unknown_model);
  all_->plan = canonical_plan(checkpoint.state);
  for (std::size_t k = 0; k < all_->plan.tensors.size(); ++k)
    all_->index.emplace(all_->plan.tensors[k].name, k);
}

Weights Weights::inside(const std::string& module) const {
  Weights part = *this;
  part.module_ += module;
  return part;
}

const ChunkPlan& Weights::find(const std::string& part, const Shape& shape) {
  const std::string name = module_ + part;
  const auto found = all_->index.find(name);
  if (found == all_->index.end()) {
    throw InputError(source() + ": tensor " + name + " " + to_string(shape) +
                     " is missing; the model needs it for this configuration");
  }
  const Shape& stored = all_->plan.tensors[found->second].shape;
  if (squeezed(stored) != squeezed(shape)) {
    throw InputError(source() + ": tensor " + name + " has shape " + to_string(stored) +
                     ", the model needs " + to_string(shape));
  }
  all_->used.insert(name);
  return all_->plan.chunks[found->second];
}

WeightView Weights::matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
  return matrix(name, {rows, columns});
}

WeightView Weights::matrix(const std::string& name, const Shape& shape) {
  const ChunkPlan& chunk = find(name, shape);
  const std::int64_t rows = shape.at(0), columns = numel(shape) / rows;
  const std::optional<DType>& dtype = all_->dtype;
  WeightView view;
  if (!dtype || *dtype == chunk.source_dtype) view = view_in_place(chunk, rows, columns);
  if (view.blocks.empty()) {
    view = gathered(chunk, rows, columns, dtype);
    all_->gathered_bytes += static_cast<std::uint64_t>(rows * columns) * size_of(view.blocks[0].dtype);
  }
  view.name = module_ + name;
  return view;
}

std::vector<float> Weights::vector(const std::string& name, std::int64_t size) {
  return values(name, {size});
}

std::vector<float> Weights::values(const std::string& name, const Shape& shape) {
  ChunkPlan chunk = find(name, shape);
  if (!can_convert(chunk.source_dtype, DType::f32)) {
    throw InputError(source() + ": tensor " + module_ + name + " is " +
                     std::string(torch_name(chunk.source_dtype)) + ", expected a floating type");
  }
  chunk.dtype = DType::f32;
  const std::int64_t size = numel(shape);
  std::vector<float> result(static_cast<std::size_t>(size));
  WindowReader().read(chunk, 0, size, std::as_writable_bytes(std::span(result)));
  return result;
}

std::vector<float> Weights::optional_vector(const std::string& name, std::int64_t size) {
  return has(name) ? vector(name, size) : std::vector<float>();
}

void Weights::ignore(const std::string& prefix) {
  for (const SinkTensor& tensor : all_->plan.tensors) {
    if (tensor.name.starts_with(module_ + prefix)) all_->used.insert(tensor.name);
  }
}

void Weights::require_all_used() const {
  for (const SinkTensor& tensor : all_->plan.tensors) {
    if (!tensor.name.starts_with(module_) || all_->used.contains(tensor.name)) continue;
    throw InputError(source() + ": tensor " + tensor.name + " " + to_string(tensor.shape) +
                     " belongs to no part of the model that config.json describes and generation supports");
  }
}

}  // namespace mhub::runtime
