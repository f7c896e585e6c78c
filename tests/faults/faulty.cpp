// SPDX-License-Identifier: Apache-2.0
// A library for LD_PRELOAD: of the calls that concern files under FAULT_UNDER, the FAULT_AT-th goes wrong as
// FAULT_KIND says:
//   error  it fails with FAULT_ERRNO and does nothing (close does close)
//   short  a read or write moves half of its bytes; other calls are as ever
//   kill   the process gets SIGKILL in front of it
//   cut    in front of it the file FAULT_CUT is cut off to 100 bytes
// With FAULT_SHARE_ERRNO, every call that would share blocks of files (FICLONERANGE) fails with that.
// FAULT_COUNT names a file for the number of calls, written when the process ends by itself.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace {

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

struct Settings {
  std::string under = setting("FAULT_UNDER"), kind = setting("FAULT_KIND"), cut = setting("FAULT_CUT"),
              count = setting("FAULT_COUNT");
  long at = std::atol(setting("FAULT_AT"));
  int error = std::atoi(setting("FAULT_ERRNO")), share_error = std::atoi(setting("FAULT_SHARE_ERRNO"));
};

const Settings& settings() {
  static const Settings& all = *new Settings;  // asked until the very end of the process
  return all;
}

std::atomic<long> calls{0};

template <typename F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

bool concerns(const char* path) {
  return path != nullptr && !settings().under.empty() &&
         std::strncmp(path, settings().under.c_str(), settings().under.size()) == 0;
}

/// The path of an open file; of `name` in it, where that is relative.
std::string path_of(int descriptor, const char* name = nullptr) {
  if (name != nullptr && name[0] == '/') return name;
  char path[4096];
  const std::string link =
      descriptor == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
  return size < 0 ? std::string()
                  : std::string(path, static_cast<std::size_t>(size)) +
                        (name != nullptr ? std::string("/") + name : "");
}

enum class Fate { as_ever, error, shorter };

Fate fate(bool concerned) {
  if (!concerned || ++calls != settings().at) return Fate::as_ever;
  const Settings& s = settings();
  if (s.kind == "kill") ::kill(::getpid(), SIGKILL);
  if (s.kind == "cut" && ::truncate(s.cut.c_str(), 100) != 0) std::abort();
  if (s.kind == "short") return Fate::shorter;
  if (s.kind != "error") return Fate::as_ever;
  errno = s.error;
  return Fate::error;
}
Fate fate(const char* path) { return fate(concerns(path)); }
Fate fate(int descriptor) { return fate(descriptor > 2 && concerns(path_of(descriptor).c_str())); }

/// Carries a call out, or answers that it failed.
template <typename F, typename Where, typename... Arguments>
auto call(const char* name, Where where, decltype(std::declval<F*>()(std::declval<Arguments>()...)) failed,
          Arguments... arguments) {
  return fate(where) == Fate::error ? failed : real<F>(name)(arguments...);
}

/// A call that moves `size` bytes: carried out for all or half of them, or not at all.
template <typename Move>
ssize_t transfer(int file, std::size_t size, const Move& move) {
  const Fate what = fate(file);
  if (what == Fate::error) return -1;
  return move(what == Fate::shorter && size > 1 ? size / 2 : size);
}

mode_t mode_of(int flags, std::va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
}

struct AtExit {
  ~AtExit() {
    if (settings().count.empty()) return;
    if (std::FILE* file =
            real<std::FILE*(const char*, const char*)>("fopen")(settings().count.c_str(), "w")) {
      std::fprintf(file, "%ld\n", calls.load());
      std::fclose(file);
    }
  }
} at_exit;

int opened(const char* name, const char* path, int flags, mode_t mode) {
  return call<int(const char*, int, ...)>(name, path, -1, path, flags, mode);
}
int opened_at(const char* name, int folder, const char* path, int flags, mode_t mode) {
  return call<int(int, const char*, int, ...)>(name, path_of(folder, path).c_str(), -1, folder, path, flags,
                                               mode);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return opened("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return opened("open64", path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return opened_at("openat", folder, path, flags, mode);
}
int openat64(int folder, const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return opened_at("openat64", folder, path, flags, mode);
}
std::FILE* fopen(const char* path, const char* mode) {
  return call<std::FILE*(const char*, const char*)>("fopen", path, nullptr, path, mode);
}
std::FILE* fopen64(const char* path, const char* mode) {
  return call<std::FILE*(const char*, const char*)>("fopen64", path, nullptr, path, mode);
}

ssize_t read(int file, void* to, std::size_t size) {
  return transfer(file, size, [=](std::size_t part) {
    return real<ssize_t(int, void*, std::size_t)>("read")(file, to, part);
  });
}
ssize_t write(int file, const void* from, std::size_t size) {
  return transfer(file, size, [=](std::size_t part) {
    return real<ssize_t(int, const void*, std::size_t)>("write")(file, from, part);
  });
}
ssize_t pread(int file, void* to, std::size_t size, off_t at) {
  return transfer(file, size, [=](std::size_t part) {
    return real<ssize_t(int, void*, std::size_t, off_t)>("pread")(file, to, part, at);
  });
}
ssize_t pread64(int file, void* to, std::size_t size, off_t at) {
  return transfer(file, size, [=](std::size_t part) {
    return real<ssize_t(int, void*, std::size_t, off_t)>("pread64")(file, to, part, at);
  });
}
ssize_t pwrite(int file, const void* from, std::size_t size, off_t at) {
  return transfer(file, size, [=](std::size_t part) {
    return real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite")(file, from, part, at);
  });
}
ssize_t pwrite64(int file, const void* from, std::size_t size, off_t at) {
  return transfer(file, size, [=](std::size_t part) {
    return real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite64")(file, from, part, at);
  });
}
ssize_t writev(int file, const iovec* parts, int count) {
  const Fate what = fate(file);
  if (what == Fate::error) return -1;
  if (what == Fate::shorter && count > 0 && parts[0].iov_len > 1)
    return real<ssize_t(int, const void*, std::size_t)>("write")(file, parts[0].iov_base,
                                                                 parts[0].iov_len / 2);
  return real<ssize_t(int, const iovec*, int)>("writev")(file, parts, count);
}

int close(int file) {
  const bool failed = fate(file) == Fate::error;
  const int error = errno, code = real<int(int)>("close")(file);
  if (!failed) return code;
  errno = error;
  return -1;
}
int fsync(int file) { return call<int(int)>("fsync", file, -1, file); }
int fdatasync(int file) { return call<int(int)>("fdatasync", file, -1, file); }
int sync_file_range(int file, off_t at, off_t size, unsigned flags) {
  return call<int(int, off_t, off_t, unsigned)>("sync_file_range", file, -1, file, at, size, flags);
}
int ftruncate(int file, off_t size) { return call<int(int, off_t)>("ftruncate", file, -1, file, size); }
int ftruncate64(int file, off_t size) { return call<int(int, off_t)>("ftruncate64", file, -1, file, size); }
int ioctl(int file, unsigned long request, ...) {
  std::va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (request == FICLONERANGE && settings().share_error != 0) {
    errno = settings().share_error;
    return -1;
  }
  return call<int(int, unsigned long, ...)>("ioctl", file, -1, file, request, argument);
}
int flock(int file, int operation) { return call<int(int, int)>("flock", file, -1, file, operation); }
void* mmap(void* where, std::size_t size, int protection, int flags, int file, off_t at) {
  return call<void*(void*, std::size_t, int, int, int, off_t)>("mmap", file, MAP_FAILED, where, size,
                                                               protection, flags, file, at);
}
void* mmap64(void* where, std::size_t size, int protection, int flags, int file, off_t at) {
  return call<void*(void*, std::size_t, int, int, int, off_t)>("mmap64", file, MAP_FAILED, where, size,
                                                               protection, flags, file, at);
}

int rename(const char* from, const char* to) {
  return call<int(const char*, const char*)>("rename", to, -1, from, to);
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) {
  return call<int(int, const char*, int, const char*, unsigned)>("renameat2", path_of(b, to).c_str(), -1, a,
                                                                 from, b, to, flags);
}
int mkdir(const char* path, mode_t mode) {
  return call<int(const char*, mode_t)>("mkdir", path, -1, path, mode);
}
int rmdir(const char* path) { return call<int(const char*)>("rmdir", path, -1, path); }
int unlink(const char* path) { return call<int(const char*)>("unlink", path, -1, path); }
int remove(const char* path) { return call<int(const char*)>("remove", path, -1, path); }
int unlinkat(int folder, const char* path, int flags) {
  return call<int(int, const char*, int)>("unlinkat", path_of(folder, path).c_str(), -1, folder, path, flags);
}

int stat(const char* path, struct stat* to) {
  return call<int(const char*, struct stat*)>("stat", path, -1, path, to);
}
int lstat(const char* path, struct stat* to) {
  return call<int(const char*, struct stat*)>("lstat", path, -1, path, to);
}
int fstat(int file, struct stat* to) { return call<int(int, struct stat*)>("fstat", file, -1, file, to); }
int stat64(const char* path, struct stat64* to) {
  return call<int(const char*, struct stat64*)>("stat64", path, -1, path, to);
}
int lstat64(const char* path, struct stat64* to) {
  return call<int(const char*, struct stat64*)>("lstat64", path, -1, path, to);
}
int fstat64(int file, struct stat64* to) {
  return call<int(int, struct stat64*)>("fstat64", file, -1, file, to);
}
int statx(int folder, const char* path, int flags, unsigned mask, struct statx* to) {
  return call<int(int, const char*, int, unsigned, struct statx*)>("statx", path_of(folder, path).c_str(), -1,
                                                                   folder, path, flags, mask, to);
}
DIR* opendir(const char* path) { return call<DIR*(const char*)>("opendir", path, nullptr, path); }
dirent* readdir(DIR* folder) { return call<dirent*(DIR*)>("readdir", ::dirfd(folder), nullptr, folder); }
dirent64* readdir64(DIR* folder) {
  return call<dirent64*(DIR*)>("readdir64", ::dirfd(folder), nullptr, folder);
}
int closedir(DIR* folder) {
  const bool failed = fate(::dirfd(folder)) == Fate::error;
  const int error = errno, code = real<int(DIR*)>("closedir")(folder);
  errno = failed ? error : errno;
  return failed ? -1 : code;
}

ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, std::size_t size,
                        unsigned flags) {
  return transfer(to, size, [=](std::size_t part) {
    return real<ssize_t(int, off64_t*, int, off64_t*, std::size_t, unsigned)>("copy_file_range")(
        from, from_at, to, to_at, part, flags);
  });
}
ssize_t sendfile(int to, int from, off_t* at, std::size_t size) {
  return transfer(to, size, [=](std::size_t part) {
    return real<ssize_t(int, int, off_t*, std::size_t)>("sendfile")(to, from, at, part);
  });
}
ssize_t sendfile64(int to, int from, off64_t* at, std::size_t size) {
  return transfer(to, size, [=](std::size_t part) {
    return real<ssize_t(int, int, off64_t*, std::size_t)>("sendfile64")(to, from, at, part);
  });
}
}
