// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/dataset_writer.hpp"

#include <string_view>
#include <vector>

#include "mhub/store/hdf5/archive_format.hpp"
#include "mhub/store/hdf5/attributes.hpp"
#include "mhub/store/hdf5/element_type.hpp"
#include "mhub/store/hdf5/row_chunks.hpp"

namespace mhub {
namespace {

Hdf5Handle link_properties() {
  Hdf5Handle properties(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(properties.get(), 1);
  H5Pset_char_encoding(properties.get(), H5T_CSET_UTF8);
  return properties;
}

Hdf5Handle dataset_properties(const Shape& shape, std::size_t element_bytes) {
  Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.get(), false);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  if (shape.empty() || numel(shape) == 0) {
    H5Pset_layout(properties.get(), H5D_COMPACT);
  } else {
    const RowChunks chunks = RowChunks::choose(shape, element_bytes);
    const std::vector<hsize_t> sizes(chunks.chunk_shape().begin(), chunks.chunk_shape().end());
    H5Pset_chunk(properties.get(), static_cast<int>(sizes.size()), sizes.data());
    H5Pset_fletcher32(properties.get());
  }
  return properties;
}

std::int64_t zero_chunks(std::string_view content) {
  const RowChunks chunks = RowChunks::choose({static_cast<std::int64_t>(content.size())}, 1);
  std::int64_t count = 0;
  for (std::uint64_t k = 0; k < chunks.count(); ++k) {
    const RowChunks::Part part = chunks.part(k);
    const std::string_view bytes = content.substr(part.begin, part.bytes);
    if (bytes.find_first_not_of('\0') == std::string_view::npos) ++count;
  }
  return count;
}

}  // namespace

Hdf5Handle create_hdf5_dataset(hid_t file, const std::string& path, hid_t type, const Shape& shape,
                               const std::string& what) {
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const Hdf5Handle space =
      hdf5_created(sizes.empty() ? H5Screate(H5S_SCALAR)
                                 : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                   H5Sclose, what);
  const Hdf5Handle links = link_properties();
  const Hdf5Handle properties = dataset_properties(shape, H5Tget_size(type));
  Hdf5Handle dataset = hdf5_created(
      H5Dcreate2(file, path.c_str(), type, space.get(), links.get(), properties.get(), H5P_DEFAULT), H5Dclose,
      what);
  if (H5Pget_layout(properties.get()) == H5D_CHUNKED)
    write_hdf5_count(dataset.get(), kHdf5ZeroChunks, 0, what);
  return dataset;
}

void create_hdf5_group(hid_t file, const std::string& path, const std::string& what) {
  const Hdf5Handle links = link_properties();
  hdf5_created(H5Gcreate2(file, path.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose, what);
}

void write_hdf5_side_file(hid_t file, const std::string& path, const std::string& content,
                          const std::string& what) {
  const bool text = !content.empty() && is_hdf5_text(content);
  const Hdf5Handle type = text ? hdf5_text_type(content.size()) : Hdf5Handle(H5Tcopy(H5T_STD_U8LE), H5Tclose);
  const Shape shape{text ? 1 : static_cast<std::int64_t>(content.size())};
  const Hdf5Handle dataset = create_hdf5_dataset(file, path, type.get(), shape, what);
  if (content.empty()) return;
  hdf5_write_ok(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()), what);
  if (!text) replace_hdf5_count(dataset.get(), kHdf5ZeroChunks, zero_chunks(content), what);
}

}  // namespace mhub
