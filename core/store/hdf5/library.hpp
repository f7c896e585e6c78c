// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <utility>

// The functions as of HDF5 1.10, also where the installed library is newer.
#ifndef H5_USE_110_API
#define H5_USE_110_API
#endif
#include <hdf5.h>

#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// Held around every call into the HDF5 library, which serves one thread at a time (recursive). Also keeps
/// the library from printing its error stack and from loading filters as plugins while it is held: a file
/// does not say which code runs.
class Hdf5Lock {
 public:
  Hdf5Lock();
  ~Hdf5Lock();
  Hdf5Lock(const Hdf5Lock&) = delete;
  Hdf5Lock& operator=(const Hdf5Lock&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  H5E_auto2_t print_ = nullptr;
  void* print_data_ = nullptr;
  unsigned plugins_ = 0;
};

/// Owns an identifier of the library and closes it (under the lock).
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept;
  ~Hdf5Handle() { close(); }

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  /// Negative when the library could not write what was pending. Whoever writes gives it to hdf5_write_ok.
  herr_t close();

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Takes over an identifier that was asked for while reading (writing); a negative one is an InputError, or
/// an IoError where a system call failed (always an IoError), "what: reason", with the innermost entry of the
/// library's error stack.
Hdf5Handle hdf5_opened(hid_t id, Hdf5Handle::Close close, const std::string& what);
Hdf5Handle hdf5_created(hid_t id, Hdf5Handle::Close close, const std::string& what);
/// The same for calls that return a status.
void hdf5_read_ok(herr_t status, const std::string& what);
void hdf5_write_ok(herr_t status, const std::string& what);

/// File access as every archive wants it: no file locks, which network file systems refuse and nobody here
/// needs, and only metadata that carries checksums (HDF5 1.10 and later).
Hdf5Handle hdf5_file_access();

/// The HDF5 type that holds elements of `dtype`: the little-endian one of that kind and width; for types that
/// HDF5 lacks (bfloat16, the 8-bit floats) the unsigned integer of their width; for bool and complex64 what
/// h5py makes of numpy's types (enum FALSE/TRUE of int8, compound r/i of float32). Call under Hdf5Lock.
Hdf5Handle hdf5_type(DType dtype);

/// A fixed-length UTF-8 string of `bytes` bytes, at least one.
Hdf5Handle hdf5_text_type(std::size_t bytes);

}  // namespace mhub
