// SPDX-License-Identifier: Apache-2.0
#include "npy.hpp"

#include <cstdio>
#include <filesystem>

#include "mhub/base/error.hpp"

namespace mhub::converters {

NpyWriter::NpyWriter(std::string path, std::int64_t rows, std::int64_t columns)
    : path_(std::move(path)),
      temporary_(path_ + ".partial"),
      file_(temporary_, std::ios::binary | std::ios::trunc) {
  if (!file_) throw IoError("cannot create " + temporary_);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                       std::to_string(columns) + "), }";
  constexpr std::size_t kPrefix = 10;  // magic, version, length of the header
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  const auto size = static_cast<unsigned>(header.size());
  file_ << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(size & 0xffU) << static_cast<char>(size >> 8U)
        << header;
}

NpyWriter::~NpyWriter() {
  file_.close();
  std::remove(temporary_.c_str());  // only there when finish was not reached
}

void NpyWriter::append(std::span<const float> values) {
  file_.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size_bytes()));
}

void NpyWriter::finish() {
  file_.close();
  std::error_code error;
  if (file_) std::filesystem::rename(temporary_, path_, error);
  if (!file_ || error) throw IoError("cannot write " + path_);
}

}  // namespace mhub::converters
