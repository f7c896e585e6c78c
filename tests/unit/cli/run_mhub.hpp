// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_folder.hpp"

namespace mhub::tests {

/// What one run of the mhub binary gave.
struct Run {
  int code = -1;  ///< exit status; 128 + signal when it was killed
  std::string out, err;
};

/// Runs `mhub <arguments>`; the arguments are a shell command line of the test's own making.
inline Run run_mhub(const std::string& arguments) {
  const std::filesystem::path errors =
      std::filesystem::temp_directory_path() / ("mhub-stderr-" + std::to_string(::getpid()));
  Run run;
  FILE* pipe = ::popen((std::string(MHUB_BINARY) + " " + arguments + " 2>" + errors.string()).c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    run.out.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::ifstream file(errors);
  run.err.assign(std::istreambuf_iterator<char>(file), {});
  std::filesystem::remove(errors);
  return run;
}

/// A temporary folder whose files are written as `scratch / "name"`.
class Scratch : public TemporaryFolder {
 public:
  std::string operator/(const std::string& name) const { return file(name); }
};

}  // namespace mhub::tests
