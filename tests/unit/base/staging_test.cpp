// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/staging.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(staging_directory)

using namespace mhub;
using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

/// Calls that rename or remove until one of them fails, or kills this process; negative: none does.
int calls_left = -1;
bool kills = false, can_exchange = true;

/// Before each such call: whether it fails.
bool strikes() {
  if (calls_left < 0 || --calls_left >= 0) return false;
  if (kills) ::raise(SIGKILL);
  errno = EIO;
  return true;
}

long passed_on(long number, auto... arguments) { return strikes() ? -1 : ::syscall(number, arguments...); }

}  // namespace

// A program's own definitions go before the C library's, for libmhub and libstdc++ as well.
extern "C" {
int unlink(const char* path) noexcept { return static_cast<int>(passed_on(SYS_unlinkat, AT_FDCWD, path, 0)); }
int rmdir(const char* path) noexcept {
  return static_cast<int>(passed_on(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  return static_cast<int>(passed_on(SYS_unlinkat, folder, path, flags));
}
int remove(const char* path) noexcept {
  const int done = unlink(path);
  return done != 0 && errno == EISDIR ? rmdir(path) : done;
}
int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(passed_on(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) noexcept {
  if (flags == RENAME_EXCHANGE && !can_exchange) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(passed_on(SYS_renameat2, a, from, b, to, flags));
}
}

namespace {

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// Commits a folder with the manifest, one file of this content and some others.
void publish(const std::string& target, const std::string& content, bool overwrite) {
  StagingOptions options;
  options.overwrite = overwrite;
  StagingDirectory staging(target, options);
  std::string files = R"("release/data": {})";
  for (const std::string name : {"config.json", "LICENSE", "tokenizer.json", "vocab.json"}) {
    write_file(staging.path() + "/" + name, name);
    files += ", \"" + name + "\": {}";
  }
  write_file(staging.path() + "/" + kManifestName, "{\"files\": {" + files + "}}");
  fs::create_directory(staging.path() + "/release");
  write_file(staging.path() + "/release/data", content);
  staging.commit();
}

/// Does something in another process, of whose calls that rename or remove the one behind `calls` fails or
/// kills; whether it came so far.
bool struck(bool kill, int calls, const auto& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    calls_left = calls;
    kills = kill;
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(1);
    }
    ::_exit(calls_left < 0 ? 2 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status != 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(appears_complete_under_its_name) {
  const TemporaryFolder folder;
  const std::string target = folder.file("new/parents/out");
  {
    StagingDirectory staging(target, {});
    write_file(staging.path() + "/data", std::string("x"));
    BOOST_TEST(!fs::exists(target));
    BOOST_TEST(fs::path(staging.notes()).parent_path().string() == folder.file("new/parents"));
    write_file(staging.notes() + "/key", std::string("x"));
    staging.commit();
  }
  BOOST_TEST(read_file(target + "/data", 10) == "x");
  BOOST_TEST(entries(target) == 1u);
  BOOST_TEST(entries(folder.file("new/parents")) == 1u);
}

BOOST_AUTO_TEST_CASE(leaves_nothing_when_it_is_not_committed) {
  const TemporaryFolder folder;
  {
    StagingDirectory staging(folder.file("out"), {});
    write_file(staging.path() + "/data", std::string("x"));
  }
  BOOST_TEST(entries(folder.path()) == 0u);
}

// Wherever a run is killed, or meets an error once: one of the outputs has the name, at the latest when the
// next run has begun, and that one replaces it and leaves nothing beside it.
BOOST_AUTO_TEST_CASE(a_replacement_that_breaks_off_is_in_nobodys_way) {
  for (const auto& [killed, exchange] :
       {std::pair(true, true), {true, false}, {false, true}, {false, false}}) {
    can_exchange = exchange;
    bool whole = false;
    int calls = 0;
    for (; !whole && calls < 100; ++calls) {
      const TemporaryFolder folder;
      const std::string out = folder.file("out");
      publish(out, "old", false);
      whole = !struck(killed, calls, [&] { publish(out, "new", true); });
      if (!fs::exists(out)) {
        BOOST_TEST((killed && !exchange));
        BOOST_CHECK_THROW(publish(out, "newer", false), UsageError);
      }
      const std::string found = read_file(out + "/release/data", 10);
      BOOST_TEST((found == "new" || (found == "old" && !whole)));
      BOOST_REQUIRE_NO_THROW(publish(out, "newer", true));
      BOOST_TEST(read_file(out + "/release/data", 10) == "newer");
      BOOST_TEST(entries(folder.path()) == 1u);
    }
    BOOST_TEST(whole);
    BOOST_TEST(calls > 10);
  }
  can_exchange = true;
}

BOOST_AUTO_TEST_CASE(a_removal_that_breaks_off_is_in_nobodys_way) {
  bool whole = false;
  int calls = 0;
  for (; !whole && calls < 100; ++calls) {
    const TemporaryFolder folder;
    whole = !struck(true, calls, [&] {
      const StagingDirectory staging(folder.file("out"), {});
      for (const std::string name : {"a", "b", "c"}) write_file(staging.path() + "/" + name, name);
    });
    BOOST_REQUIRE_NO_THROW(publish(folder.file("out"), "new", false));
    BOOST_TEST(entries(folder.path()) == 1u);
  }
  BOOST_TEST(whole);
  BOOST_TEST(calls > 5);
}

BOOST_AUTO_TEST_CASE(takes_names_with_slashes_and_dots) {
  const TemporaryFolder folder;
  publish(folder.file("a/"), "1", false);
  publish(folder.file("./x/../b//"), "2", false);
  BOOST_TEST(read_file(folder.file("a/release/data"), 10) == "1");
  BOOST_TEST(read_file(folder.file("b/release/data"), 10) == "2");
  BOOST_CHECK_THROW(StagingDirectory("", {}), UsageError);
}

BOOST_AUTO_TEST_CASE(replaces_only_when_asked) {
  const TemporaryFolder folder;
  publish(folder.file("out"), "old", false);
  BOOST_CHECK_EXCEPTION(publish(folder.file("out"), "new", false), UsageError, message_has("--overwrite"));
  BOOST_TEST(read_file(folder.file("out/release/data"), 10) == "old");
  publish(folder.file("out"), "new", true);
  BOOST_TEST(read_file(folder.file("out/release/data"), 10) == "new");
  BOOST_TEST(entries(folder.path()) == 1u);
}

BOOST_AUTO_TEST_CASE(never_removes_what_mhub_did_not_write) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("photos"));
  write_file(folder.file("photos/cat"), std::string("meow"));
  write_file(folder.file("letter"), std::string("dear"));
  fs::create_symlink(folder.file("nowhere"), folder.file("link"));
  for (const char* name : {"photos", "letter", "link"}) {
    BOOST_CHECK_EXCEPTION(publish(folder.file(name), "new", true), UsageError,
                          message_has(name, "not written by mhub"));
  }
  BOOST_TEST(read_file(folder.file("photos/cat"), 10) == "meow");
  BOOST_TEST(entries(folder.path()) == 3u);
}

BOOST_AUTO_TEST_CASE(does_not_replace_what_appeared_meanwhile) {
  const TemporaryFolder folder;
  {
    StagingDirectory staging(folder.file("out"), {});
    fs::create_directory(folder.file("out"));
    write_file(folder.file("out/letter"), std::string("dear"));
    BOOST_CHECK_THROW(staging.commit(), UsageError);
  }
  BOOST_TEST(entries(folder.path()) == 1u);
  BOOST_TEST(read_file(folder.file("out/letter"), 10) == "dear");
}

BOOST_AUTO_TEST_CASE(fills_an_empty_folder_that_the_caller_made) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("out"));
  publish(folder.file("out"), "new", false);
  BOOST_TEST(!fs::is_empty(folder.file("out")));
  BOOST_TEST(entries(folder.path()) == 1u);
}

BOOST_AUTO_TEST_CASE(names_a_parent_that_cannot_be_made) {
  const TemporaryFolder folder;
  write_file(folder.file("file"), std::string("x"));
  BOOST_CHECK_EXCEPTION(StagingDirectory(folder.file("file/out"), {}), IoError,
                        message_has(folder.file("file")));
}

BOOST_AUTO_TEST_CASE(a_kept_partial_folder_is_resumed_or_cleared) {
  const TemporaryFolder folder;
  StagingOptions again;
  again.resume = true;
  {
    StagingDirectory staging(folder.file("out"), {});
    write_file(staging.path() + "/data", std::string("half"));
    staging.keep();
  }
  BOOST_TEST(!fs::exists(folder.file("out")));
  {
    StagingDirectory staging(folder.file("out"), again);
    BOOST_TEST(staging.resumed());
    BOOST_TEST(read_file(staging.path() + "/data", 10) == "half");
    staging.keep();
  }
  {
    StagingDirectory staging(folder.file("out"), {});
    BOOST_TEST(!staging.resumed());
    BOOST_TEST(!fs::exists(staging.path() + "/data"));
    staging.keep();
    staging.discard();
  }
  BOOST_TEST(entries(folder.path()) == 0u);
  BOOST_TEST(!StagingDirectory(folder.file("out"), again).resumed());
}

BOOST_AUTO_TEST_CASE(one_process_at_a_time) {
  const TemporaryFolder folder;
  StagingDirectory first(folder.file("out"), {});
  write_file(first.path() + "/data", std::string("x"));
  BOOST_CHECK_EXCEPTION(StagingDirectory(folder.file("out"), {}), UsageError, message_has("another mhub"));
  BOOST_TEST(read_file(first.path() + "/data", 10) == "x");
}

BOOST_AUTO_TEST_CASE(a_partial_folder_of_somebody_else_is_left_alone) {
  const TemporaryFolder folder;
  const std::string partial = folder.file(".out.mhub-partial"), cat = folder.file("elsewhere/cat");
  fs::create_directory(folder.file("elsewhere"));
  write_file(cat, std::string("meow"));
  auto refused = [&](const std::string& why) {
    BOOST_CHECK_EXCEPTION(StagingDirectory(folder.file("out"), {.resume = true}), Error,
                          message_has(partial, why));
    BOOST_TEST(read_file(cat, 10) == "meow");
  };
  fs::create_directory_symlink(folder.file("elsewhere"), partial);
  refused("in the way");
  fs::remove(partial);
  write_file(partial, std::string("x"));
  refused("in the way");
  fs::remove(partial);
  fs::create_directory(partial);
  write_file(partial + "/letter", std::string("dear"));
  refused("in the way");
  fs::create_symlink(cat, partial + "/.mhub-partial");
  refused("cannot open");
  fs::remove(partial + "/letter");
  fs::remove(partial + "/.mhub-partial");
  if (::geteuid() == 0 && ::chown(partial.c_str(), 12345, 12345) == 0) refused("in the way");
}

BOOST_AUTO_TEST_CASE(a_single_file_gets_the_final_name) {
  const TemporaryFolder folder;
  const std::string out = folder.file("out.h5");
  StagingOptions options{.ours = [](const std::string& path) { return read_file(path, 10) == "x"; },
                         .single_file = "archive"};
  auto make = [&] {
    StagingDirectory staging(out, options);
    write_file(staging.path() + "/archive", std::string("x"));
    staging.commit();
    BOOST_TEST(entries(folder.path()) == 1u);
  };
  make();
  BOOST_TEST(read_file(out, 10) == "x");
  BOOST_CHECK_EXCEPTION(make(), UsageError, message_has("--overwrite"));
  options.overwrite = true;
  BOOST_CHECK_NO_THROW(make());
  fs::remove(out);
  fs::create_directory(out);
  BOOST_CHECK_EXCEPTION(make(), UsageError, message_has(out, "one file"));
  fs::remove(out);
  write_file(out, std::string("dear"));
  BOOST_CHECK_EXCEPTION(make(), UsageError, message_has(out, "not written by mhub"));
  // A folder takes the place of such a file, too.
  fs::remove(out);
  options.overwrite = false;
  make();
  StagingDirectory staging(out, {.overwrite = true, .ours = options.ours});
  staging.commit();
  BOOST_TEST(fs::is_directory(out));
  BOOST_TEST(entries(folder.path()) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
