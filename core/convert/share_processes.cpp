// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <thread>

#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/conversion_key.hpp"
#include "mhub/convert/share.hpp"

namespace mhub {
namespace {

std::string mark_of_process(const std::string& output, const Share& share) {
  return partial_folder(output) + "/process-" + std::to_string(share.part) + "-of-" +
         std::to_string(share.of);
}

bool has_ended(const std::string& output, const Share& share, const std::string& run) {
  const std::string path = mark_of_process(output, share);
  try {
    return fs::exists(path) && read_file(path, 1 << 12) == run;
  } catch (const Error&) {
    return false;  // it is just being replaced
  }
}

}  // namespace

std::vector<int> missing_parts(const Conversion& conversion, const std::string& output, int of) {
  const std::string key = conversion_key(conversion);
  std::vector<int> missing;
  for (int part = 1; part <= of; ++part) {
    if (!has_note(partial_folder(output), {part, of}, key)) missing.push_back(part);
  }
  return missing;
}

void note_process(const std::string& output, const Share& share, const std::string& run) {
  put_file(mark_of_process(output, share), run, Writers::several);
}

void await_processes(const std::string& output, int of, const std::string& run, double seconds,
                     const Callbacks& callbacks) {
  const auto start = std::chrono::steady_clock::now();
  for (int part = 1; part <= of;) {
    if (has_ended(output, {part, of}, run)) {
      ++part;
      continue;
    }
    throw_if(callbacks.cancelled);
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
    if (waited.count() > seconds)
      throw IoError(output + ": part " + std::to_string(part) + " of " + std::to_string(of) +
                    " is not done after " + std::to_string(static_cast<int>(seconds)) +
                    " s; the same command goes on");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace mhub
