// SPDX-License-Identifier: Apache-2.0
#include "mhub/tensor/dtype.hpp"

#include <array>

namespace mhub {
namespace {

struct Facts {
  DType dtype;
  std::size_t size;
  std::string_view torch;
  std::string_view safetensors;
  std::string_view storage;
  bool floating;
};

// safetensors names: safetensors/src/tensor.rs (enum Dtype). torch's e4m3 is the "fn" variant: no infinities.
constexpr std::array<Facts, 17> kFacts{{
    {DType::f64, 8, "float64", "F64", "DoubleStorage", true},
    {DType::f32, 4, "float32", "F32", "FloatStorage", true},
    {DType::f16, 2, "float16", "F16", "HalfStorage", true},
    {DType::bf16, 2, "bfloat16", "BF16", "BFloat16Storage", true},
    {DType::f8_e4m3, 1, "float8_e4m3fn", "F8_E4M3", "", true},
    {DType::f8_e5m2, 1, "float8_e5m2", "F8_E5M2", "", true},
    {DType::f8_e8m0, 1, "float8_e8m0fnu", "F8_E8M0", "", true},
    {DType::i64, 8, "int64", "I64", "LongStorage", false},
    {DType::i32, 4, "int32", "I32", "IntStorage", false},
    {DType::i16, 2, "int16", "I16", "ShortStorage", false},
    {DType::i8, 1, "int8", "I8", "CharStorage", false},
    {DType::u64, 8, "uint64", "U64", "", false},
    {DType::u32, 4, "uint32", "U32", "", false},
    {DType::u16, 2, "uint16", "U16", "", false},
    {DType::u8, 1, "uint8", "U8", "ByteStorage", false},
    {DType::boolean, 1, "bool", "BOOL", "BoolStorage", false},
    {DType::c64, 8, "complex64", "C64", "ComplexFloatStorage", false},
}};

const Facts& facts(DType dtype) { return kFacts[static_cast<std::size_t>(dtype)]; }

std::optional<DType> dtype_called(std::string_view name, std::string_view Facts::*kind) {
  for (const Facts& f : kFacts) {
    if (!name.empty() && f.*kind == name) return f.dtype;
  }
  return std::nullopt;
}

}  // namespace

std::size_t size_of(DType dtype) { return facts(dtype).size; }
std::string_view torch_name(DType dtype) { return facts(dtype).torch; }
std::string_view safetensors_name(DType dtype) { return facts(dtype).safetensors; }
std::string_view torch_storage_name(DType dtype) { return facts(dtype).storage; }
bool is_floating(DType dtype) { return facts(dtype).floating; }

std::optional<DType> dtype_from_torch(std::string_view name) { return dtype_called(name, &Facts::torch); }
std::optional<DType> dtype_from_safetensors(std::string_view name) {
  return dtype_called(name, &Facts::safetensors);
}
std::optional<DType> dtype_from_torch_storage(std::string_view name) {
  return dtype_called(name, &Facts::storage);
}

}  // namespace mhub
