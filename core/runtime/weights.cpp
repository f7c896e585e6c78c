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
    : source_(checkpoint.path), dtype_(dtype) {
  if (checkpoint.model == nullptr || !checkpoint.transformer) {
    throw InputError(checkpoint.path +
                     ": does not say which model it holds; name its Hugging Face model with --hf-reference");
  }
  plan_ = canonical_plan(checkpoint.state);
  for (std::size_t k = 0; k < plan_.tensors.size(); ++k) index_.emplace(plan_.tensors[k].name, k);
}

const ChunkPlan& Weights::find(const std::string& name, const Shape& shape) {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    throw InputError(source_ + ": tensor " + name + " " + to_string(shape) +
                     " is missing; the decoder needs it for this configuration");
  }
  const Shape& stored = plan_.tensors[found->second].shape;
  if (squeezed(stored) != squeezed(shape)) {
    throw InputError(source_ + ": tensor " + name + " has shape " + to_string(stored) +
                     ", the decoder needs " + to_string(shape));
  }
  used_.insert(name);
  return plan_.chunks[found->second];
}

WeightView Weights::matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
  const ChunkPlan& chunk = find(name, {rows, columns});
  WeightView view;
  if (!dtype_ || *dtype_ == chunk.source_dtype) view = view_in_place(chunk, rows, columns);
  if (view.blocks.empty()) {
    view = gathered(chunk, rows, columns, dtype_);
    gathered_bytes_ += static_cast<std::uint64_t>(rows * columns) * size_of(view.blocks[0].dtype);
  }
  view.name = name;
  return view;
}

std::vector<float> Weights::vector(const std::string& name, std::int64_t size) {
  return values(name, {size});
}

std::vector<float> Weights::values(const std::string& name, const Shape& shape) {
  ChunkPlan chunk = find(name, shape);
  if (!can_convert(chunk.source_dtype, DType::f32)) {
    throw InputError(source_ + ": tensor " + name + " is " + std::string(torch_name(chunk.source_dtype)) +
                     ", expected a floating type");
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
  for (const SinkTensor& tensor : plan_.tensors) {
    if (tensor.name.starts_with(prefix)) used_.insert(tensor.name);
  }
}

void Weights::require_all_used() const {
  for (const SinkTensor& tensor : plan_.tensors) {
    if (used_.contains(tensor.name)) continue;
    throw InputError(source_ + ": tensor " + tensor.name + " " + to_string(tensor.shape) +
                     " belongs to a part of the model that generation does not support yet");
  }
}

}  // namespace mhub::runtime
