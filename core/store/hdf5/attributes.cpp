// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/attributes.hpp"

#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/store/hdf5/element_type.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {
namespace {

/// Frees a variable-length string that the library allocated.
struct LibraryText {
  char* text = nullptr;
  LibraryText() = default;
  LibraryText(const LibraryText&) = delete;
  LibraryText& operator=(const LibraryText&) = delete;
  ~LibraryText() {
    if (text != nullptr) H5free_memory(text);
  }
};

std::string read_variable(hid_t attribute, const std::string& what) {
  Hdf5Handle type = hdf5_text_type(1);
  H5Tset_size(type.get(), H5T_VARIABLE);
  LibraryText value;
  hdf5_read_ok(H5Aread(attribute, type.get(), &value.text), what);
  return value.text == nullptr ? std::string() : std::string(value.text);
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

/// False for anything but one string.
bool is_text(hid_t attribute, hid_t type) {
  const Hdf5Handle space(H5Aget_space(attribute), H5Sclose);
  return H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space.get()) == 1;
}

std::string read_text(hid_t attribute, hid_t type, const std::string& what) {
  const bool variable = H5Tis_variable_str(type) > 0;
  const std::size_t size = variable ? 0 : H5Tget_size(type);
  std::string text;
  if (size <= kLongestHdf5Text) {
    text = variable ? read_variable(attribute, what) : read_fixed(attribute, type, size, what);
  }
  if (size > kLongestHdf5Text || text.size() > kLongestHdf5Text)
    throw InputError(what + ": longer than " + std::to_string(kLongestHdf5Text) + " bytes");
  if (!is_hdf5_text(text)) throw InputError(what + ": not UTF-8 text");
  return text;
}

}  // namespace

bool is_hdf5_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

void write_hdf5_text(hid_t object, const std::string& name, const std::string& text,
                     const std::string& what) {
  const Hdf5Handle type = hdf5_text_type(text.size());
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  Hdf5Handle attribute = hdf5_created(
      H5Acreate2(object, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, what);
  // c_str() has the NUL that stands for an empty text.
  hdf5_write_ok(H5Awrite(attribute.get(), type.get(), text.c_str()), what);
}

std::string read_hdf5_text(hid_t object, const std::string& name, const std::string& what) {
  const std::string where = what + ": attribute " + printable(name);
  if (H5Aexists(object, name.c_str()) <= 0) throw InputError(where + " is missing");
  const Hdf5Handle attribute = hdf5_opened(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, where);
  const Hdf5Handle type = hdf5_opened(H5Aget_type(attribute.get()), H5Tclose, where);
  if (!is_text(attribute.get(), type.get())) throw InputError(where + ": expected one string");
  return read_text(attribute.get(), type.get(), where);
}

void write_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute = hdf5_created(
      H5Acreate2(object, name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, what);
  hdf5_write_ok(H5Awrite(attribute.get(), H5T_STD_I64LE, &count), what);
}

void replace_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what) {
  const Hdf5Handle attribute = hdf5_created(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, what);
  hdf5_write_ok(H5Awrite(attribute.get(), H5T_STD_I64LE, &count), what);
}

std::optional<std::int64_t> read_hdf5_count(hid_t object, const std::string& name, const std::string& what) {
  const std::string where = what + ": attribute " + printable(name);
  const htri_t exists = H5Aexists(object, name.c_str());
  hdf5_read_ok(exists, where);
  if (exists == 0) return std::nullopt;
  const Hdf5Handle attribute = hdf5_opened(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, where);
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  std::int64_t count = -1;
  if (H5Tequal(type.get(), H5T_STD_I64LE) > 0 && H5Sget_simple_extent_npoints(space.get()) == 1)
    hdf5_read_ok(H5Aread(attribute.get(), H5T_STD_I64LE, &count), where);
  if (count < 0) throw InputError(where + ": expected one i64 that is not negative");
  return count;
}

std::map<std::string, std::string> read_hdf5_texts(hid_t object, const std::string& what) {
  std::vector<std::string> names;
  hdf5_read_ok(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_name, &names),
               what + ": attributes");
  std::map<std::string, std::string> texts;
  for (const std::string& name : names) {
    const std::string where = what + ": attribute " + printable(name);
    const Hdf5Handle attribute = hdf5_opened(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, where);
    const Hdf5Handle type = hdf5_opened(H5Aget_type(attribute.get()), H5Tclose, where);
    if (is_text(attribute.get(), type.get())) texts[name] = read_text(attribute.get(), type.get(), where);
  }
  return texts;
}

}  // namespace mhub
