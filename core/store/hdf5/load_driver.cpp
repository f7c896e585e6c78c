// SPDX-License-Identifier: Apache-2.0
// The only part of this folder that belongs to libmhub itself (driver.hpp).

#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/hdf5/driver.hpp"

namespace mhub {
namespace {

/// The first 8 bytes (HDF5 File Format Specification, "Superblock").
constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";

const Hdf5Driver& load() {
  const boost::dll::fs::path path = boost::dll::this_line_location().parent_path() / "libmhub_hdf5.so";
  try {
    // Never unloaded: archives may live until the end of the program.
    static auto* const library = new boost::dll::shared_library(
        path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    return library->get<const Hdf5Driver>("mhub_hdf5_driver");
  } catch (const boost::dll::fs::system_error& error) {
    throw IoError(path.string() + ": cannot be loaded, is the HDF5 library installed? " + error.what());
  }
}

}  // namespace

bool is_hdf5(const std::string& path) { return begins_with(path, kSignature); }

std::unique_ptr<Hdf5Sink> make_hdf5_sink(const std::string& path, std::vector<SinkTensor> tensors,
                                         const Hdf5Contents& contents) {
  return load().make_sink(path, std::move(tensors), contents);
}

Hdf5Archive open_hdf5(const std::string& path) { return load().open(path); }

}  // namespace mhub
