// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace mhub {

/// Element types that checkpoints use. Sub-byte formats are not element types here: they reach us as packed
/// u8 tensors beside their scales and are decoded by a value step.
enum class DType {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  c64
};

/// Bytes of one element.
std::size_t size_of(DType dtype);
/// torch's name without the "torch." prefix: "bfloat16", "float8_e4m3fn", "int64", "bool".
std::string_view torch_name(DType dtype);
/// The name in a safetensors header: "BF16", "F8_E4M3", "I64", "BOOL".
std::string_view safetensors_name(DType dtype);
/// torch's class of storages of the type (torch/storage.py): "BFloat16Storage"; empty where it has none.
std::string_view torch_storage_name(DType dtype);
/// Inverses of the three above; empty for a name that is not known.
std::optional<DType> dtype_from_torch(std::string_view name);
std::optional<DType> dtype_from_safetensors(std::string_view name);
std::optional<DType> dtype_from_torch_storage(std::string_view name);
/// True for the types that `convert_elements` casts among: f64, f32, f16, bf16 and the 8-bit floats as a
/// source.
bool is_floating(DType dtype);

}  // namespace mhub
