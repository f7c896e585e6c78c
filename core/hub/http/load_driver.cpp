// SPDX-License-Identifier: Apache-2.0
// The only part of this folder that belongs to libmhub itself (driver.hpp).
#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library.hpp>

#include "mhub/hub/http/driver.hpp"

namespace mhub {

const HttpDriver& http_driver() {
  const boost::dll::fs::path path = boost::dll::this_line_location().parent_path() / "libmhub_http.so";
  try {
    // Never unloaded: clients may live until the end of the program.
    static auto* const library = new boost::dll::shared_library(
        path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    return library->get<const HttpDriver>("mhub_http_driver");
  } catch (const boost::dll::fs::system_error& error) {
    throw IoError(path.string() + ": cannot be loaded, is libcurl installed? " + error.what());
  }
}

}  // namespace mhub
