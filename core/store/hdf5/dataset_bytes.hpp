// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mhub/base/byte_source.hpp"
#include "mhub/store/hdf5/open_file.hpp"
#include "mhub/store/hdf5/row_chunks.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// What a reader of a dataset's bytes has to know of it.
struct Hdf5Dataset {
  std::shared_ptr<const Hdf5File> file;
  std::string path;  ///< in the file: "/state/model/norm/weight"
  std::string what;  ///< for messages: "model.h5: tensor model.norm.weight"
  Shape shape;
  std::size_t element_bytes = 0;
};

/// The row-major bytes of an opened dataset. Chunks of whole rows with no filter but fletcher32 are read from
/// the file directly and by many threads; everything else that the library can decode is read through it.
/// Checks what the dataset claims against what the file holds; throws InputError for data in other files,
/// data that was never written, filters that are not installed. Call under Hdf5Lock.
std::shared_ptr<const ByteSource> hdf5_dataset_bytes(const Hdf5Dataset& dataset, hid_t opened);

/// The two kinds; each is made by `hdf5_dataset_bytes`, which checked the rules that it relies on.
/// `zero_chunks` is the attribute of that name, where the dataset has it.
std::shared_ptr<const ByteSource> hdf5_direct_bytes(const Hdf5Dataset& dataset, const RowChunks& chunks,
                                                    std::optional<std::int64_t> zero_chunks);
std::shared_ptr<const ByteSource> hdf5_decoded_bytes(const Hdf5Dataset& dataset, std::size_t chunk_bytes);

}  // namespace mhub
