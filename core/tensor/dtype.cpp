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
  bool floating;
};

// safetensors names: safetensors/src/tensor.rs (enum Dtype). torch's e4m3 is the "fn" variant: no infinities.
constexpr std::array<Facts, 17> kFacts{{
    {DType::f64, 8, "float64", "F64", true},
    {DType::f32, 4, "float32", "F32", true},
    {DType::f16, 2, "float16", "F16", true},
    {DType::bf16, 2, "bfloat16", "BF16", true},
    {DType::f8_e4m3, 1, "float8_e4m3fn", "F8_E4M3", true},
    {DType::f8_e5m2, 1, "float8_e5m2", "F8_E5M2", true},
    {DType::f8_e8m0, 1, "float8_e8m0fnu", "F8_E8M0", true},
    {DType::i64, 8, "int64", "I64", false},
    {DType::i32, 4, "int32", "I32", false},
    {DType::i16, 2, "int16", "I16", false},
    {DType::i8, 1, "int8", "I8", false},
    {DType::u64, 8, "uint64", "U64", false},
    {DType::u32, 4, "uint32", "U32", false},
    {DType::u16, 2, "uint16", "U16", false},
    {DType::u8, 1, "uint8", "U8", false},
    {DType::boolean, 1, "bool", "BOOL", false},
    {DType::c64, 8, "complex64", "C64", false},
}};

const Facts& facts(DType dtype) { return kFacts[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::size_t size_of(DType dtype) { return facts(dtype).size; }
std::string_view torch_name(DType dtype) { return facts(dtype).torch; }
std::string_view safetensors_name(DType dtype) { return facts(dtype).safetensors; }
bool is_floating(DType dtype) { return facts(dtype).floating; }

std::optional<DType> dtype_from_torch(std::string_view name) {
  for (const Facts& f : kFacts) {
    if (f.torch == name) return f.dtype;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  for (const Facts& f : kFacts) {
    if (f.safetensors == name) return f.dtype;
  }
  return std::nullopt;
}

}  // namespace mhub
