// SPDX-License-Identifier: Apache-2.0
#include "npy_writer.hpp"

namespace mhub::converters {

NpyWriter::NpyWriter(const std::string& path, std::int64_t rows, std::int64_t columns) : file_(path) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                       std::to_string(columns) + "), }";
  constexpr std::size_t kPrefix = 10;  // magic, version, length of the header
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  const auto size = static_cast<unsigned>(header.size());
  std::string begin(kNpyMagic);
  for (const unsigned byte : {1U, 0U, size & 0xffU, size >> 8U}) begin += static_cast<char>(byte);
  begin += header;
  write(std::as_bytes(std::span(begin)));
}

void NpyWriter::write(std::span<const std::byte> bytes) {
  file_.write(end_, bytes);
  end_ += bytes.size();
}

StagingOptions npy_staging(const std::string& name, bool overwrite) {
  return {.overwrite = overwrite,
          .ours = [](const std::string& path) { return begins_with(path, kNpyMagic); },
          .single_file = name};
}

}  // namespace mhub::converters
