// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/library.hpp"

#include <algorithm>
#include <cstdint>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

/// Keeps the first entry that says anything. The signature is the library's.
herr_t keep_description(unsigned, const H5E_error2_t* error, void* text) {
  auto& reason = *static_cast<std::string*>(text);
  if (error->desc != nullptr && *error->desc != '\0') reason = error->desc;
  return reason.empty() ? 0 : 1;
}

/// IEEE binary16, which HDF5 1.10 has no name for; the same fields as h5py's float16.
Hdf5Handle half_type() {
  Hdf5Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(type.get(), 15, 10, 5, 0, 10);
  H5Tset_size(type.get(), 2);
  H5Tset_ebias(type.get(), 15);
  return type;
}

Hdf5Handle boolean_type() {
  Hdf5Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const std::int8_t no = 0, yes = 1;
  H5Tenum_insert(type.get(), "FALSE", &no);
  H5Tenum_insert(type.get(), "TRUE", &yes);
  return type;
}

Hdf5Handle complex_type() {
  Hdf5Handle type(H5Tcreate(H5T_COMPOUND, 8), H5Tclose);
  H5Tinsert(type.get(), "r", 0, H5T_IEEE_F32LE);
  H5Tinsert(type.get(), "i", 4, H5T_IEEE_F32LE);
  return type;
}

hid_t predefined(DType dtype) {
  switch (dtype) {
    case DType::f64: return H5T_IEEE_F64LE;
    case DType::f32: return H5T_IEEE_F32LE;
    case DType::bf16:
    case DType::u16: return H5T_STD_U16LE;
    case DType::f8_e4m3:
    case DType::f8_e5m2:
    case DType::f8_e8m0:
    case DType::u8: return H5T_STD_U8LE;
    case DType::i64: return H5T_STD_I64LE;
    case DType::i32: return H5T_STD_I32LE;
    case DType::i16: return H5T_STD_I16LE;
    case DType::i8: return H5T_STD_I8LE;
    case DType::u64: return H5T_STD_U64LE;
    case DType::u32: return H5T_STD_U32LE;
    case DType::f16:
    case DType::boolean:
    case DType::c64: break;
  }
  return H5I_INVALID_HID;
}

}  // namespace

Hdf5Lock::Hdf5Lock() : lock_(library_mutex()) {
  // The library's exit handler would write files that could not be closed once more, and complain. Comes too
  // late, and does nothing, where another part of the program has used the library before.
  [[maybe_unused]] static const herr_t no_exit_handler = H5dont_atexit();
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLget_loading_state(&plugins_);
  H5PLset_loading_state(0);
}

Hdf5Lock::~Hdf5Lock() {
  H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
  H5PLset_loading_state(plugins_);
}

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(close_, other.close_);
  return *this;
}

herr_t Hdf5Handle::close() {
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  if (id < 0) return 0;
  const Hdf5Lock lock;
  return close_(id);
}

namespace {

/// Why the last call failed: the innermost entry of the library's error stack, in one line.
struct Reason {
  std::string text;
  bool of_system = false;  ///< a system call failed, so the file says nothing wrong
};

Reason last_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_description, &reason);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  // Of a failed system call (H5FDsec2.c) only what the system said.
  constexpr std::string_view kSystem = "error message = '";
  const std::size_t begin = reason.find(kSystem);
  if (begin != std::string::npos) {
    const std::size_t end = reason.find('\'', begin + kSystem.size());
    return {reason.substr(begin + kSystem.size(), end - begin - kSystem.size()), true};
  }
  // Of a failed stat, HDF5 1.10 does not keep what the system said.
  const bool stat = reason.find("can't retrieve stat info") != std::string::npos;
  return {reason.empty() ? "the HDF5 library gives no reason" : reason, stat};
}

[[noreturn]] void fail_reading(const std::string& what) {
  const Reason reason = last_reason();
  if (reason.of_system) throw IoError(what + ": " + reason.text);
  throw InputError(what + ": " + reason.text);
}

}  // namespace

Hdf5Handle hdf5_opened(hid_t id, Hdf5Handle::Close close, const std::string& what) {
  if (id < 0) fail_reading(what);
  return {id, close};
}

Hdf5Handle hdf5_created(hid_t id, Hdf5Handle::Close close, const std::string& what) {
  if (id < 0) throw IoError(what + ": " + last_reason().text);
  return {id, close};
}

void hdf5_read_ok(herr_t status, const std::string& what) {
  if (status < 0) fail_reading(what);
}

void hdf5_write_ok(herr_t status, const std::string& what) {
  if (status < 0) throw IoError(what + ": " + last_reason().text);
}

Hdf5Handle hdf5_file_access() {
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_file_locking(access.get(), false, true);
  return access;
}

Hdf5Handle hdf5_type(DType dtype) {
  switch (dtype) {
    case DType::f16: return half_type();
    case DType::boolean: return boolean_type();
    case DType::c64: return complex_type();
    default: return {H5Tcopy(predefined(dtype)), H5Tclose};
  }
}

Hdf5Handle hdf5_text_type(std::size_t bytes) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), std::max<std::size_t>(1, bytes));
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

}  // namespace mhub
