// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/file_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>

#include "mhub/base/error.hpp"

namespace mhub {

bool FileLock::try_take() {
  std::error_code error;
  fs::create_directories(path_.parent_path(), error);
  if (error) throw IoError("cannot create", path_.parent_path().string(), error.value());
  // Group-writable, as huggingface_hub makes it: users who share a cache wait for each other.
  const int number = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664);
  if (number < 0) throw IoError("cannot open", path_.string(), errno);
  Descriptor descriptor(number);
  if (::flock(number, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK || errno == EACCES) return false;
    if (errno != ENOSYS && errno != EOPNOTSUPP && errno != ENOLCK)
      throw IoError("cannot lock", path_.string(), errno);
  }
  descriptor_ = std::move(descriptor);
  return true;
}

}  // namespace mhub
