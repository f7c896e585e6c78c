// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/library.hpp"

#include <algorithm>
#include <string_view>

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

}  // namespace

Hdf5Lock::Hdf5Lock() : lock_(library_mutex()) {
  // The library's exit handler would write files that could not be closed once more, and complain. Comes too
  // late, and does nothing, where another part of the program has used the library before.
  [[maybe_unused]] static const herr_t no_exit_handler = H5dont_atexit();
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Lock::~Hdf5Lock() { H5Eset_auto2(H5E_DEFAULT, print_, print_data_); }

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(close_, other.close_);
  return *this;
}

bool Hdf5Handle::close() {
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  if (id < 0) return true;
  const Hdf5Lock lock;
  return close_(id) >= 0;
}

std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_description, &reason);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  // Of a failed system call (H5FDsec2.c) only what the system said.
  constexpr std::string_view kSystem = "error message = '";
  const std::size_t begin = reason.find(kSystem);
  if (begin != std::string::npos) {
    const std::size_t end = reason.find('\'', begin + kSystem.size());
    reason = reason.substr(begin + kSystem.size(), end - begin - kSystem.size());
  }
  return reason.empty() ? "the HDF5 library gives no reason" : reason;
}

Hdf5Handle hdf5_opened(hid_t id, Hdf5Handle::Close close, const std::string& what) {
  if (id < 0) throw InputError(what + ": " + hdf5_reason());
  return {id, close};
}

Hdf5Handle hdf5_created(hid_t id, Hdf5Handle::Close close, const std::string& what) {
  if (id < 0) throw IoError(what + ": " + hdf5_reason());
  return {id, close};
}

void hdf5_read_ok(herr_t status, const std::string& what) {
  if (status < 0) throw InputError(what + ": " + hdf5_reason());
}

void hdf5_write_ok(herr_t status, const std::string& what) {
  if (status < 0) throw IoError(what + ": " + hdf5_reason());
}

Hdf5Handle hdf5_file_access() {
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_file_locking(access.get(), false, true);
  return access;
}

}  // namespace mhub
