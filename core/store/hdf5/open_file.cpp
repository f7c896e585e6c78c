// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/open_file.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {
namespace {

/// More than threads usually read at a time.
constexpr std::size_t kRecent = 8;
/// Hash slots of a chunk cache; a prime, as the library's manual asks.
constexpr std::size_t kSlots = 101;

constexpr std::ptrdiff_t kDeepestGroup = 64;

using Links = std::vector<std::pair<std::string, H5L_type_t>>;

std::ptrdiff_t depth(const std::string& link) { return 1 + std::count(link.begin(), link.end(), '/'); }

/// Stops behind the links of a group that is too deep itself.
herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
  const auto& [link, type] = static_cast<Links*>(links)->emplace_back(name, info->type);
  return depth(link) > kDeepestGroup + 1 ? 1 : 0;
}

}  // namespace

Hdf5File::Hdf5File(const std::string& path) : bytes_(path) {
  const Hdf5Lock lock;
  const Hdf5Handle access = hdf5_file_access();
  file_ = hdf5_opened(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose,
                      path + ": damaged or no HDF5 file");
  const Hdf5Handle creation(H5Fget_create_plist(file_.get()), H5Pclose);
  hsize_t user_block = 0;
  hdf5_read_ok(H5Pget_userblock(creation.get(), &user_block), path);
  // Addresses of chunks would count from behind it, in some versions of the library.
  if (user_block != 0) throw InputError(path + ": has an HDF5 user block, expected none");
}

hid_t Hdf5File::cached_dataset(const std::string& path, std::size_t chunk_bytes) const {
  auto it = std::find_if(recent_.begin(), recent_.end(), [&](const auto& one) { return one.first == path; });
  if (it != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, it);
    return recent_.front().second.get();
  }
  const Hdf5Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  H5Pset_chunk_cache(access.get(), kSlots, 2 * chunk_bytes, H5D_CHUNK_CACHE_W0_DEFAULT);
  recent_.emplace_front(path, hdf5_opened(H5Dopen2(id(), path.c_str(), access.get()), H5Dclose,
                                          bytes_.name() + ": dataset " + printable(path)));
  if (recent_.size() > kRecent) recent_.pop_back();
  return recent_.front().second.get();
}

void Hdf5File::for_each_object(const std::string& root,
                               const std::function<void(const std::string&, hid_t, bool)>& visit) const {
  const auto text = [&](const std::string& link) { return path() + ": " + printable(root + link); };
  const Hdf5Handle group = hdf5_opened(H5Gopen2(id(), root.c_str(), H5P_DEFAULT), H5Gclose, text(""));
  Links links;
  hdf5_read_ok(H5Lvisit(group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, collect_link, &links), text(""));
  visit("", group.get(), false);
  for (const auto& [link, type] : links) {
    const std::string what = text("/" + link);
    if (type != H5L_TYPE_HARD) throw InputError(what + ": is a symbolic link or lies in another file");
    const Hdf5Handle object = hdf5_opened(H5Oopen(group.get(), link.c_str(), H5P_DEFAULT), H5Oclose, what);
    const H5I_type_t kind = H5Iget_type(object.get());
    if (kind == H5I_GROUP && depth(link) > kDeepestGroup)
      throw InputError(what + ": groups are more than 64 deep");
    if (kind != H5I_GROUP && kind != H5I_DATASET)
      throw InputError(what + ": is neither a group nor a dataset");
    visit(link, object.get(), kind == H5I_DATASET);
  }
}

}  // namespace mhub
