// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mhub/store/hdf5/archive_format.hpp"
#include "mhub/store/hdf5/library.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub::tests {

/// An archive as another program would write it: the groups and attributes of the format, the rest is the
/// test's. Throws when the library refuses anything.
class ForeignFile {
 public:
  explicit ForeignFile(const std::string& path, const std::string& format = "mhub-state",
                       const std::string& version = "1")
      : file_(
            hdf5_created(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose, path)) {
    write_hdf5_text(id(), "format", format, path);
    write_hdf5_text(id(), "format_version", version, path);
    add_group("/state");
    add_group("/files");
  }

  hid_t id() const { return file_.get(); }

  void add_group(const std::string& path) {
    hdf5_created(H5Gcreate2(id(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, path);
  }

  /// A dataset without attributes; `layout` changes its creation properties.
  Hdf5Handle add_dataset(const std::string& path, hid_t type, const Shape& shape,
                         const std::function<void(hid_t)>& layout = {}) {
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    const Hdf5Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose);
    const Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (layout) layout(properties.get());
    return hdf5_created(
        H5Dcreate2(id(), path.c_str(), type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
        H5Dclose, path);
  }

  /// /state/t with its two attributes and, unless `data` is null, its data (of the dataset's own type).
  void add_tensor(hid_t type, const Shape& shape, const std::string& dtype, const void* data,
                  const std::function<void(hid_t)>& layout = {}) {
    const Hdf5Handle dataset = add_dataset("/state/t", type, shape, layout);
    write_hdf5_text(dataset.get(), "name", "the.tensor", "t");
    write_hdf5_text(dataset.get(), "torch_dtype", dtype, "t");
    if (data != nullptr)
      hdf5_write_ok(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "t");
  }

 private:
  Hdf5Lock lock_;
  Hdf5Handle file_;
};

}  // namespace mhub::tests
