// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/store/hdf5/archive_format.hpp"
#include "mhub/store/hdf5/driver.hpp"
#include "mhub/store/hdf5/open_file.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {
namespace {

Shape shape_of(hid_t opened, const std::string& what) {
  const Hdf5Handle space = hdf5_opened(H5Dget_space(opened), H5Sclose, what);
  const H5S_class_t kind = H5Sget_simple_extent_type(space.get());
  if (kind != H5S_SCALAR && kind != H5S_SIMPLE) throw InputError(what + ": has no shape");
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> sizes(static_cast<std::size_t>(std::max(rank, 0)));
  hdf5_read_ok(rank < 0 ? -1 : H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr), what);
  // An unsigned size beyond 2^63 becomes negative, which checked_numel refuses.
  return Shape(sizes.begin(), sizes.end());
}

/// The shape, when all its bytes can be counted.
Shape checked_shape(hid_t opened, std::size_t element_bytes, const std::string& what) {
  Shape shape = shape_of(opened, what);
  const std::optional<std::int64_t> count = checked_numel(shape);
  if (!count || static_cast<std::uint64_t>(*count) > (std::uint64_t{1} << 62) / element_bytes)
    throw InputError(what + ": absurd shape " + to_string(shape));
  return shape;
}

StoredTensor read_tensor_entry(const std::shared_ptr<const Hdf5File>& file, const std::string& path,
                               hid_t opened) {
  const std::string link = std::string(kHdf5State) + "/" + path;
  const std::string name = read_hdf5_text(opened, kHdf5Name, file->path() + ": dataset " + printable(link));
  const std::string what = file->path() + ": tensor " + printable(name);
  const std::string type_name = read_hdf5_text(opened, kHdf5DType, what);
  const std::optional<DType> dtype = dtype_from_torch(type_name);
  if (!dtype) throw InputError(what + ": unknown " + kHdf5DType + " " + printable(type_name));
  const Hdf5Handle stored = hdf5_opened(H5Dget_type(opened), H5Tclose, what);
  if (H5Tequal(stored.get(), hdf5_type(*dtype).get()) <= 0)
    throw InputError(what + ": its HDF5 type is not the one that stands for " + type_name);
  const Shape shape = checked_shape(opened, size_of(*dtype), what);
  StoredChunk chunk{Index(shape.size(), 0), shape, row_major_strides(shape),
                    hdf5_dataset_bytes({file, link, what, shape, size_of(*dtype)}, opened), 0};
  return {name, *dtype, shape, {std::move(chunk)}};
}

std::shared_ptr<const ByteSource> read_file_entry(const std::shared_ptr<const Hdf5File>& file,
                                                  const std::string& path, hid_t opened) {
  const std::string link = std::string(kHdf5Files) + "/" + path;
  const std::string what = file->path() + ": file " + printable(path);
  if (!is_side_file_path(path)) throw InputError(what + ": not a plain relative path");
  const Hdf5Handle type = hdf5_opened(H5Dget_type(opened), H5Tclose, what);
  const bool text = H5Tget_class(type.get()) == H5T_STRING && H5Tis_variable_str(type.get()) == 0;
  if (!text && H5Tequal(type.get(), H5T_STD_U8LE) <= 0)
    throw InputError(what + ": expected bytes or one string of fixed length");
  const std::size_t element = H5Tget_size(type.get());
  const Shape shape = checked_shape(opened, element, what);
  if (shape.size() != 1 || (text && shape[0] != 1)) throw InputError(what + ": expected one axis");
  if (element > kLargestSideFile || static_cast<std::uint64_t>(shape[0]) > kLargestSideFile / element)
    throw InputError(what + ": over 1 GiB");
  return hdf5_dataset_bytes({file, link, what, shape, element}, opened);
}

void check_format(const std::map<std::string, std::string>& attributes, const std::string& path) {
  const auto format = attributes.find(kHdf5Format), version = attributes.find(kHdf5FormatVersion);
  if (format == attributes.end() || version == attributes.end() || format->second != kHdf5FormatValue)
    throw InputError(path + ": an HDF5 file, but not a state archive (no attribute " + kHdf5Format + " = " +
                     kHdf5FormatValue + ")");
  if (version->second != kHdf5Version) {
    throw InputError(path + ": state archive of version " + printable(version->second) + ", expected " +
                     kHdf5Version + "; a newer mhub may read it");
  }
}

/// What else somebody has put into an archive would be lost with it, or silently stay behind.
void require_nothing_else(const Hdf5File& file) {
  H5G_info_t root{};
  hdf5_read_ok(H5Gget_info(file.id(), &root), file.path());
  hsize_t own = 0;
  for (const char* name : {kHdf5State, kHdf5Files}) {
    const htri_t there = H5Lexists(file.id(), name, H5P_DEFAULT);
    hdf5_read_ok(there, file.path());
    own += there > 0 ? 1 : 0;
  }
  if (root.nlinks != own)
    throw InputError(file.path() + ": has more in it than a state archive, which is " + kHdf5State + " and " +
                     kHdf5Files + "; take the rest out");
}

/// Notes the attributes of an object that are not `known`.
void add_other_attributes(const Hdf5File& file, hid_t object, const std::string& link,
                          const std::set<std::string>& known, std::vector<std::string>& others) {
  for (const std::string& name : hdf5_attribute_names(object, file.path() + ": " + printable(link))) {
    if (!known.contains(name)) others.push_back("attribute " + name + (link == "/" ? "" : " of " + link));
  }
}

/// Notes what was appended to the file: the library does not look behind the end that the superblock says.
void add_other_bytes(const Hdf5File& file, std::vector<std::string>& others) {
  haddr_t end = 0;
  hdf5_read_ok(H5Fget_eoa(file.id(), &end), file.path());
  if (file.bytes().size() > end)
    others.push_back(std::to_string(file.bytes().size() - end) + " bytes behind its end");
}

}  // namespace

Hdf5Archive open_hdf5_file(const std::string& path) {
  if (!is_hdf5(path)) throw InputError(path + ": does not begin with the HDF5 signature");
  const auto file = std::make_shared<const Hdf5File>(path);
  const Hdf5Lock lock;
  Hdf5Archive archive;
  archive.attributes = read_hdf5_texts(file->id(), path);
  check_format(archive.attributes, path);
  require_nothing_else(*file);
  archive.attributes.erase(kHdf5Format);
  archive.attributes.erase(kHdf5FormatVersion);
  std::set<std::string> texts{kHdf5Format, kHdf5FormatVersion};
  for (const auto& [name, text] : archive.attributes) texts.insert(name);
  add_other_attributes(*file, file->id(), "/", texts, archive.others);
  add_other_bytes(*file, archive.others);
  const std::set<std::string> none;  // of a group
  const auto for_each_dataset = [&](const std::string& root, const std::set<std::string>& known,
                                    const auto& add) {
    file->for_each_object(root, [&](const std::string& link, hid_t opened, bool dataset) {
      const std::string place = link.empty() ? root : root + "/" + link;
      add_other_attributes(*file, opened, place, dataset ? known : none, archive.others);
      if (dataset) add(link, opened);
    });
  };
  std::vector<StoredTensor> tensors;
  for_each_dataset(kHdf5State, {kHdf5Name, kHdf5DType, kHdf5ZeroChunks},
                   [&](const std::string& link, hid_t opened) {
                     tensors.push_back(read_tensor_entry(file, link, opened));
                   });
  archive.state = TensorSource(std::move(tensors));
  for_each_dataset(kHdf5Files, {kHdf5ZeroChunks}, [&](const std::string& link, hid_t opened) {
    archive.files[link] = read_file_entry(file, link, opened);
  });
  return archive;
}

}  // namespace mhub

const mhub::Hdf5Driver mhub_hdf5_driver{mhub::make_hdf5_file_sink, mhub::open_hdf5_file};
