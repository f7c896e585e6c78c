// SPDX-License-Identifier: Apache-2.0
// The only part of this folder that belongs to libmhub itself (cudnn_backend.hpp).
#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library.hpp>
#include <boost/filesystem.hpp>

#include "mhub/base/error.hpp"
#include "mhub/runtime/cudnn/cudnn_backend.hpp"

namespace mhub::runtime {
namespace {

const CudnnDriver& load(const std::string& asked) {
  const boost::dll::fs::path path = boost::dll::this_line_location().parent_path() / "libmhub_cudnn.so";
  if (!boost::filesystem::exists(path)) {
    throw IoError("no " + asked + " backend: this mhub was built without CUDA and cuDNN (there is no " +
                  path.string() + "); choose cpu");
  }
  try {
    // Never unloaded: the CUDA runtime does not survive that.
    static auto* const library = new boost::dll::shared_library(
        path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    return library->get<const CudnnDriver>("mhub_cudnn_driver");
  } catch (const boost::dll::fs::system_error& error) {
    throw IoError(path.string() + ": cannot be loaded, is cuDNN 9 installed? " + error.what());
  }
}

}  // namespace

std::unique_ptr<Backend> make_cudnn_backend(DType run, const std::string& asked) {
  return load(asked).make(run);
}

}  // namespace mhub::runtime
