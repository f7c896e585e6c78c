// SPDX-License-Identifier: Apache-2.0
#include "child.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kKept = 1 << 20;

struct Pipe {
  Descriptor read, write;

  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw IoError(std::string("pipe: ") + std::strerror(errno));
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
  }
};

/// How the child starts: its outputs are pipes, its input is empty.
class SpawnSettings {
 public:
  SpawnSettings(const Pipe& out, const Pipe& err) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, out.write.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions_, err.write.get(), 2);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  pid_t start(const std::vector<std::string>& arguments) const {
    std::vector<std::string> copies = arguments;
    std::vector<char*> pointers;
    for (std::string& one : copies) pointers.push_back(one.data());
    pointers.push_back(nullptr);
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, pointers[0], &actions_, &attributes_, pointers.data(), environ);
    if (error != 0) throw IoError("cannot start", arguments[0], error);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// Takes what is there; false at the end.
bool take(Descriptor& from, std::string& to) {
  std::array<char, 16384> buffer{};
  const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  to.append(buffer.data(), static_cast<std::size_t>(count));
  if (to.size() > 2 * kKept) to.erase(0, to.size() - kKept);
  return true;
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& arguments, const std::function<bool()>& cancelled) {
  Pipe out, err;
  const pid_t pid = SpawnSettings(out, err).start(arguments);
  out.write = Descriptor();
  err.write = Descriptor();
  ChildResult result;
  bool open_out = true, open_err = true, told = false;
  while (open_out || open_err) {
    if (!told && cancelled && cancelled()) {
      told = true;
      ::kill(-pid, SIGTERM);
    }
    std::array<pollfd, 2> ends{
        {{open_out ? out.read.get() : -1, POLLIN, 0}, {open_err ? err.read.get() : -1, POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), 100) <= 0) continue;
    if (ends[0].revents != 0) open_out = take(out.read, result.out);
    if (ends[1].revents != 0) open_err = take(err.read, result.err);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace mhub::converters
