// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "mhub/store/hdf5/hdf5.hpp"
#include "mhub/store/hdf5/library.hpp"

namespace mhub::tests {

inline constexpr std::array<DType, 17> kAllTypes{
    DType::f64,     DType::f32, DType::f16, DType::bf16,    DType::f8_e4m3, DType::f8_e5m2,
    DType::f8_e8m0, DType::i64, DType::i32, DType::i16,     DType::i8,      DType::u64,
    DType::u32,     DType::u16, DType::u8,  DType::boolean, DType::c64};

inline SinkTensor sink_tensor(const std::string& name, DType dtype, const Shape& shape) {
  return {name, dtype, shape, {{Index(shape.size(), 0), shape, 0}}};
}

/// Bytes that no two tensors of a test share.
inline std::vector<std::byte> random_bytes(const SinkTensor& tensor, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> data(static_cast<std::size_t>(numel(tensor.shape)) * size_of(tensor.dtype));
  for (std::byte& one : data) {
    const std::uint64_t bits = random();
    one = static_cast<std::byte>(tensor.dtype == DType::boolean ? bits & 1 : bits & 0xff);
  }
  return data;
}

/// Appends a tensor in pieces of `step` bytes.
inline void append_all(TensorSink& sink, std::size_t tensor, std::span<const std::byte> data,
                       std::size_t step) {
  for (std::size_t at = 0; at < data.size(); at += step)
    sink.append(tensor, 0, data.subspan(at, std::min(step, data.size() - at)));
}

/// Writes tensors with `random_bytes`, seeded by their number.
inline void write_archive(const std::string& path, const std::vector<SinkTensor>& tensors,
                          const Hdf5Contents& contents = {}) {
  const auto sink = make_hdf5_sink(path, tensors, contents);
  for (std::size_t t = 0; t < tensors.size(); ++t)
    append_all(*sink, t, random_bytes(tensors[t], t), std::size_t{1} << 20);
  sink->finish();
}

/// Files, groups, datasets, types and attributes that are open in the library.
inline auto open_identifiers() {
  const Hdf5Lock lock;
  return H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL);
}

inline std::string read_side_file(const Hdf5Archive& archive, const std::string& name) {
  const ByteSource& bytes = *archive.files.at(name);
  std::string content(bytes.size(), '\0');
  bytes.read(0, std::as_writable_bytes(std::span(content)));
  return content;
}

}  // namespace mhub::tests
