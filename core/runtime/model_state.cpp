// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/model_state.hpp"

#include <regex>

#include "mhub/base/error.hpp"
#include "mhub/mapping/gather.hpp"
#include "mhub/mapping/pattern.hpp"
#include "mhub/runtime/weights.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub::runtime {

const std::string& StateEntry::name() const { return plan_->tensors[index_].name; }
const Shape& StateEntry::shape() const { return plan_->tensors[index_].shape; }
DType StateEntry::dtype() const { return plan_->tensors[index_].dtype; }
std::int64_t StateEntry::numel() const { return plan_->chunks[index_].elements; }

std::vector<float> StateEntry::floats() const {
  ChunkPlan chunk = plan_->chunks[index_];
  if (!can_convert(chunk.source_dtype, DType::f32))
    throw InputError("tensor " + name() + " is " + std::string(torch_name(dtype())) +
                     ", expected a floating type");
  chunk.dtype = DType::f32;
  std::vector<float> values(static_cast<std::size_t>(chunk.elements));
  WindowReader reader;
  const std::int64_t step = window_elements(chunk);
  for (std::int64_t begin = 0; begin < chunk.elements; begin += step) {
    const std::int64_t count = std::min(step, chunk.elements - begin);
    reader.read(chunk, begin, count,
                std::as_writable_bytes(std::span(values).subspan(static_cast<std::size_t>(begin),
                                                                 static_cast<std::size_t>(count))));
  }
  return values;
}

ModelState::ModelState(const Checkpoint& checkpoint)
    : plan_(std::make_shared<const CopyPlan>(canonical_plan(checkpoint.state))) {}

std::vector<StateEntry> ModelState::glob(const std::string& pattern) const {
  std::vector<StateEntry> found;
  for (std::size_t k = 0; k < size(); ++k) {
    if (glob_match(pattern, plan_->tensors[k].name)) found.push_back({plan_, k});
  }
  return found;
}

std::vector<StateEntry> ModelState::regex(const std::string& expression) const {
  std::vector<StateEntry> found;
  try {
    const std::regex compiled(expression);
    for (std::size_t k = 0; k < size(); ++k) {
      if (std::regex_search(plan_->tensors[k].name, compiled)) found.push_back({plan_, k});
    }
  } catch (const std::regex_error& error) {
    throw UsageError("regular expression " + expression + ": " + error.what());
  }
  return found;
}

StateEntry ModelState::at(const std::string& name) const {
  for (std::size_t k = 0; k < size(); ++k) {
    if (plan_->tensors[k].name == name) return {plan_, k};
  }
  throw UsageError("no tensor " + name + " in the model's state");
}

}  // namespace mhub::runtime
