// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/walk.hpp"

#include <set>

#include "mhub/base/error.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {
namespace {

using Path = std::vector<std::string>;

constexpr std::size_t kDeepest = 64;

struct Links {
  std::vector<std::string> names;
  std::string unexpected;  ///< a link that is not a plain one
};

herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* data) {
  Links& links = *static_cast<Links*>(data);
  if (info->type != H5L_TYPE_HARD) {
    links.unexpected = name;
    return 1;
  }
  links.names.emplace_back(name);
  return 0;
}

/// A group still to be looked into.
struct Pending {
  Hdf5Handle group;
  Path path;
};

}  // namespace

void for_each_hdf5_dataset(hid_t file, const std::string& root, const std::string& what,
                           const std::function<void(const std::vector<std::string>&, hid_t)>& visit) {
  auto text = [&](const Path& path) {
    std::string joined = root;
    for (const std::string& name : path) joined += "/" + name;
    return what + ": " + printable(joined);
  };
  std::set<haddr_t> seen;
  std::vector<Pending> pending;
  auto add_group = [&](Hdf5Handle group, const Path& path) {
    H5O_info_t info;
    hdf5_read_ok(H5Oget_info(group.get(), &info), text(path));
    if (path.size() > kDeepest) throw InputError(text(path) + ": groups are more than 64 deep");
    if (seen.insert(info.addr).second) pending.push_back({std::move(group), path});
  };
  add_group(hdf5_opened(H5Gopen2(file, root.c_str(), H5P_DEFAULT), H5Gclose, text({})), {});
  while (!pending.empty()) {
    const Pending next = std::move(pending.back());
    pending.pop_back();
    Links links;
    hdf5_read_ok(H5Literate(next.group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_link, &links),
                 text(next.path));
    if (!links.unexpected.empty())
      throw InputError(text(next.path) + "/" + links.unexpected +
                       ": is a symbolic link or lies in another file");
    for (const std::string& name : links.names) {
      Path path = next.path;
      path.push_back(name);
      Hdf5Handle object =
          hdf5_opened(H5Oopen(next.group.get(), name.c_str(), H5P_DEFAULT), H5Oclose, text(path));
      const H5I_type_t kind = H5Iget_type(object.get());
      if (kind == H5I_DATASET) {
        visit(path, object.get());
      } else if (kind == H5I_GROUP) {
        add_group(std::move(object), path);
      } else {
        throw InputError(text(path) + ": is neither a group nor a dataset");
      }
    }
  }
}

}  // namespace mhub
