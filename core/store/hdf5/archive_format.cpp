// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/archive_format.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {
namespace {

using Path = std::vector<std::string>;

constexpr std::size_t kDeepest = 32;

std::string link_name(std::string part) {
  std::replace(part.begin(), part.end(), '/', '|');
  return part.empty() || part == "." ? "~" : part;
}

Path split(const std::string& name) {
  Path path;
  std::size_t begin = 0;
  while (path.size() + 1 < kDeepest) {
    const std::size_t dot = name.find('.', begin);
    if (dot == std::string::npos) break;
    path.push_back(link_name(name.substr(begin, dot - begin)));
    begin = dot + 1;
  }
  path.push_back(link_name(name.substr(begin)));
  return path;
}

/// The attribute's place in messages.
std::string attribute_of(const std::string& what, const std::string& name) {
  return what + ": attribute " + printable(name);
}

/// One that is opened for reading.
struct Attribute {
  Attribute(hid_t object, const std::string& name, const std::string& what)
      : id(hdf5_opened(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, what)),
        type(hdf5_opened(H5Aget_type(id.get()), H5Tclose, what)),
        space(H5Aget_space(id.get()), H5Sclose) {}
  bool single() const { return H5Sget_simple_extent_npoints(space.get()) == 1; }
  /// False for anything but one string.
  bool is_text() const { return H5Tget_class(type.get()) == H5T_STRING && single(); }

  Hdf5Handle id, type, space;
};

/// Writes a new one that is no array.
void write(hid_t object, const std::string& name, hid_t type, const void* value, const std::string& what) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  Hdf5Handle attribute = hdf5_created(
      H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, what);
  hdf5_write_ok(H5Awrite(attribute.get(), type, value), what);
  hdf5_write_ok(attribute.close(), what);
}

std::string read_fixed(hid_t attribute, hid_t type, std::size_t size, const std::string& what) {
  std::string text(size, '\0');
  hdf5_read_ok(H5Aread(attribute, type, text.data()), what);
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

herr_t collect_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

std::string read_text(const Attribute& attribute, const std::string& what) {
  const hid_t id = attribute.id.get(), type = attribute.type.get();
  // Refused unread: it lies in a heap without checksums, through which forged files have led the library
  // astray.
  if (H5Tis_variable_str(type) != 0)
    throw InputError(what + ": text of variable length, expected of fixed length (in h5py: numpy.bytes_)");
  const std::size_t size = H5Tget_size(type);
  if (size > kLongestHdf5Text)
    throw InputError(what + ": longer than " + std::to_string(kLongestHdf5Text) + " bytes");
  const std::string text = read_fixed(id, type, size, what);
  if (!is_hdf5_text(text)) throw InputError(what + ": not UTF-8 text");
  return text;
}

}  // namespace

std::vector<std::vector<std::string>> hdf5_link_paths(const std::vector<std::string>& names) {
  std::vector<Path> paths;
  std::set<Path> taken;
  for (const std::string& name : names) {
    paths.push_back(split(name));
    Path group = paths.back();
    while (!group.empty()) {
      group.pop_back();
      if (!taken.insert(group).second) break;  // and with it all groups above
    }
  }
  for (Path& path : paths) {
    while (!taken.insert(path).second) path.back() += '~';
  }
  return paths;
}

bool is_side_file_path(const std::string& path) {
  constexpr std::size_t kLongest = 4096;
  if (path.size() > kLongest || !is_hdf5_text(path)) return false;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = path.find('/', begin);
    const std::string part = path.substr(begin, end == std::string::npos ? end : end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string::npos) return true;
    begin = end + 1;
  }
}

bool is_hdf5_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

void write_hdf5_text(hid_t object, const std::string& name, const std::string& text,
                     const std::string& what) {
  // c_str() has the NUL that stands for an empty text.
  write(object, name, hdf5_text_type(text.size()).get(), text.c_str(), what);
}

std::string read_hdf5_text(hid_t object, const std::string& name, const std::string& what) {
  const std::string where = attribute_of(what, name);
  const htri_t exists = H5Aexists(object, name.c_str());
  hdf5_read_ok(exists, where);
  if (exists == 0) throw InputError(where + " is missing");
  const Attribute attribute(object, name, where);
  if (!attribute.is_text()) throw InputError(where + ": expected one string");
  return read_text(attribute, where);
}

void write_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what) {
  write(object, name, H5T_STD_I64LE, &count, what);
}

void replace_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what) {
  Hdf5Handle attribute = hdf5_created(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, what);
  hdf5_write_ok(H5Awrite(attribute.get(), H5T_STD_I64LE, &count), what);
  hdf5_write_ok(attribute.close(), what);
}

std::optional<std::int64_t> read_hdf5_count(hid_t object, const std::string& name, const std::string& what) {
  const std::string where = attribute_of(what, name);
  const htri_t exists = H5Aexists(object, name.c_str());
  hdf5_read_ok(exists, where);
  if (exists == 0) return std::nullopt;
  const Attribute attribute(object, name, where);
  std::int64_t count = -1;
  if (H5Tequal(attribute.type.get(), H5T_STD_I64LE) > 0 && attribute.single())
    hdf5_read_ok(H5Aread(attribute.id.get(), H5T_STD_I64LE, &count), where);
  if (count < 0) throw InputError(where + ": expected one i64 that is not negative");
  return count;
}

std::vector<std::string> hdf5_attribute_names(hid_t object, const std::string& what) {
  std::vector<std::string> names;
  hdf5_read_ok(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_name, &names),
               what + ": attributes");
  return names;
}

std::map<std::string, std::string> read_hdf5_texts(hid_t object, const std::string& what) {
  std::map<std::string, std::string> texts;
  for (const std::string& name : hdf5_attribute_names(object, what)) {
    const std::string where = attribute_of(what, name);
    const Attribute attribute(object, name, where);
    if (attribute.is_text()) texts[name] = read_text(attribute, where);
  }
  return texts;
}

}  // namespace mhub
