// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <list>
#include <sys/file.h>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "hub/cached_model.hpp"
#include "hub/fake_http.hpp"
#include "hub/listed_file.hpp"
#include "mhub/hub/download.hpp"
#include "mhub/hub/fetch_blobs.hpp"
#include "mhub/hub/range.hpp"

BOOST_AUTO_TEST_SUITE(fetch)

using namespace mhub;
using tests::CachedModel;
using tests::FakeHttp;
using tests::hash_of;
using tests::kCommit;
using tests::listed;
using tests::message_has;
using tests::noise;
namespace fs = std::filesystem;

namespace {

/// A Hub with one large and one small file; the large one lies elsewhere.
struct World : CachedModel {
  World() : http(std::make_shared<FakeHttp>([this](const HttpRequest& request) { return answer(request); })) {
    settings.endpoint = "https://hub.example";
    settings.backoff = 0.001;
    settings.cache = path();
  }
  FakeHttp::Answer answer(const HttpRequest& request) {
    if (request.url.ends_with("config.json")) return tests::ranged(request, config);
    if (request.url.starts_with("https://hub.example")) return {302, {{"location", "https://cdn.example/w"}}};
    FakeHttp::Answer answer = tests::ranged(request, weights);
    sent += answer.body.size();
    if (change) change(request, answer);
    return answer;
  }
  /// A new one.
  Hub& hub() { return hubs.emplace_back(settings, http); }
  void fetch(int connections = 4, const std::function<bool()>& cancelled = {}) {
    Hub& hub = this->hub();
    hub.cancel_when(cancelled);
    FetchRequest request{"org/name", kCommit, {listed("config.json", config, false), large()}, connections};
    request.on_bytes = [this](std::uint64_t count) { bytes += count; };
    fetch_blobs(hub, cache, request);
  }
  RepoFile large() const { return listed("model.safetensors", weights, true); }
  std::string snapshot(const char* name) const {
    return read_file((cache.snapshot(kCommit) / name).string(), 1 << 30);
  }
  void check_whole() const {
    BOOST_TEST((snapshot("model.safetensors") == weights));
    BOOST_TEST(snapshot("config.json") == config);
    BOOST_TEST(!fs::exists(cache.incomplete(large().etag())));
  }

  HubSettings settings;
  std::string config = "{}", weights = noise();
  std::size_t sent = 0;
  std::atomic<std::uint64_t> bytes = 0;
  std::function<void(const HttpRequest&, FakeHttp::Answer&)> change;
  std::shared_ptr<FakeHttp> http;
  std::list<Hub> hubs;
};

}  // namespace

BOOST_AUTO_TEST_CASE(hashes_are_those_of_git_and_of_sha256sum) {
  BOOST_TEST(listed("a", "hello\n", true).sha1 == "ce013625030ba8dba906f756967f9e9ca394464a");
  BOOST_TEST(hash_of(DigestKind::sha256, "") ==
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

BOOST_AUTO_TEST_CASE(files_come_in_ranges_and_are_linked) {
  World world;
  world.fetch();
  world.check_whole();
  BOOST_TEST(world.http->ended_early == 0);
  BOOST_TEST(world.sent == world.weights.size());
  BOOST_TEST(world.bytes == world.weights.size() + world.config.size());
  BOOST_TEST(fs::read_symlink(world.cache.snapshot(kCommit) / "config.json") ==
             "../../blobs/" + listed("config.json", "{}", false).sha1);
  world.fetch();  // all is there
  BOOST_TEST(world.sent == world.weights.size());
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_a_file) {
  World world;
  world.config = "";
  world.fetch();
  world.check_whole();
}

BOOST_AUTO_TEST_CASE(what_an_earlier_download_left_is_not_fetched_again) {
  World world;
  tests::put(world.cache.incomplete(world.large().etag()), world.weights.substr(0, 20'000'000));
  world.fetch();
  world.check_whole();
  BOOST_TEST(world.sent == 10'000'000);
  BOOST_TEST(world.bytes == world.weights.size() + world.config.size());
}

BOOST_AUTO_TEST_CASE(what_was_left_may_be_wrong_or_too_long) {
  for (const std::size_t size : {std::size_t{1000}, std::size_t{40'000'000}}) {
    World world;
    tests::put(world.cache.incomplete(world.large().etag()), std::string(size, 'x'));
    world.fetch();
    world.check_whole();
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_breaks_goes_on_where_it_was) {
  World world;
  int broken = 0;
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    if (++broken % 2 == 0) return;
    world.sent -= answer.body.size() / 2;
    answer.body.resize(answer.body.size() - answer.body.size() / 2);
    answer.breaks = true;
  };
  world.fetch();
  world.check_whole();
  BOOST_TEST(world.sent == world.weights.size());
}

BOOST_AUTO_TEST_CASE(an_answer_that_ends_early_without_a_word_does_too) {
  World world;
  bool first = true;
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    if (std::exchange(first, false)) answer.body.resize(100);
  };
  world.fetch();
  world.check_whole();
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_is_found_and_fetched_again) {
  World world;
  bool first = true;
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    if (std::exchange(first, false)) answer.body[17] = static_cast<char>(answer.body[17] ^ 1);
  };
  world.fetch();
  world.check_whole();
  BOOST_TEST(world.sent == 2 * world.weights.size());
}

BOOST_AUTO_TEST_CASE(twice_the_same_wrong_bytes_are_an_error) {
  World world;
  world.change = [&](const HttpRequest& request, FakeHttp::Answer& answer) {
    if (FakeHttp::header(request, "Range").starts_with("bytes=0-")) answer.body[17] = 'x';
  };
  BOOST_CHECK_EXCEPTION(world.fetch(), IoError,
                        message_has("org/name: model.safetensors: came with the hash", "twice the same"));
  BOOST_TEST(!fs::exists(world.cache.blob(world.large().etag())));
  BOOST_TEST(!world.cache.has(kCommit, "model.safetensors"));
}

BOOST_AUTO_TEST_CASE(an_address_that_expired_is_asked_for_again) {
  World world;
  int asked = 0;
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    if (++asked == 2) answer = {403};
  };
  world.fetch(1);
  world.check_whole();
  int heads = 0;
  for (const HttpRequest& request : world.http->requests) heads += request.method == "HEAD" ? 1 : 0;
  BOOST_TEST(heads == 2);
}

BOOST_AUTO_TEST_CASE(a_server_without_ranges_serves) {
  World world;
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) { answer = {200, {}, world.weights}; };
  world.fetch(2);
  world.check_whole();
}

BOOST_AUTO_TEST_CASE(a_page_in_the_place_of_a_range_is_not_the_file) {
  World world;
  const std::string page(40'000'000, '<');
  int left = 2;
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    if (left-- > 0) answer = {200, {{"content-length", std::to_string(page.size())}}, page};
  };
  RangeReader reader(world.hub(), "org/name", kCommit, world.large(), Hashed::no);
  const auto read = [&] {
    std::string text;
    reader.read(1000, 2000, [&](std::span<const std::byte> piece) {
      text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    });
    return text;
  };
  BOOST_TEST((read() == world.weights.substr(1000, 1000)));
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) { answer = {200, {}, page}; };
  BOOST_CHECK_EXCEPTION(read(), HttpError, message_has("does not say how much"));
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    answer.headers["content-encoding"] = "gzip";
    answer.status = 200;
  };
  BOOST_CHECK_EXCEPTION(read(), HttpError, message_has("compressed (gzip)"));
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    std::string& range = answer.headers["content-range"];
    range = range.substr(0, range.find('/')) + "/*";
  };
  BOOST_TEST((read() == world.weights.substr(1000, 1000)));
}

BOOST_AUTO_TEST_CASE(an_empty_file_with_the_hash_of_another_is_an_error) {
  World world;
  Hub& hub = world.hub();
  RepoFile file = world.large();
  file.size = 0;
  FetchRequest request{"org/name", kCommit, {file}, 4};
  BOOST_CHECK_EXCEPTION(fetch_blobs(hub, world.cache, request), IoError, message_has("twice the same"));
}

BOOST_AUTO_TEST_CASE(a_blob_of_another_size_is_replaced) {
  World world;
  tests::put(world.cache.blob(world.large().etag()), "cut off");
  world.fetch();
  world.check_whole();
}

BOOST_AUTO_TEST_CASE(other_ranges_than_asked_are_refused) {
  World world;
  world.change = [&](const HttpRequest&, FakeHttp::Answer& answer) {
    answer.headers["content-range"] = "bytes 0-99/100";
  };
  BOOST_CHECK_EXCEPTION(world.fetch(), InputError,
                        message_has("model.safetensors", "found \"bytes 0-99/100\""));
}

BOOST_AUTO_TEST_CASE(who_cancels_keeps_what_came) {
  World world;
  std::atomic<bool> stop = false;
  world.change = [&](const HttpRequest&, FakeHttp::Answer&) { stop = world.sent > 20'000'000; };
  BOOST_CHECK_THROW(world.fetch(1, [&] { return stop.load(); }), Interrupted);
  const std::uint64_t kept = fs::file_size(world.cache.incomplete(world.large().etag()));
  BOOST_TEST(kept >= 16U << 20);
  BOOST_TEST(read_file(world.cache.incomplete(world.large().etag()).string(), 1 << 30) ==
             world.weights.substr(0, kept));
  const std::size_t before = world.sent;
  stop = false;
  world.change = {};
  world.fetch();
  world.check_whole();
  BOOST_TEST(world.sent == before + world.weights.size() - kept);
}

/// huggingface_hub holds the lock; its blob appears, and is taken.
BOOST_AUTO_TEST_CASE(what_another_process_fetches_is_waited_for) {
  World world;
  const std::string etag = world.large().etag();
  const fs::path lock = world.cache.lock(etag);
  tests::put(lock, "");
  const int held = ::open(lock.c_str(), O_RDWR);
  BOOST_REQUIRE(::flock(held, LOCK_EX) == 0);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    tests::put(world.cache.blob(etag), world.weights);
    ::close(held);
  });
  world.fetch();
  other.join();
  world.check_whole();
  BOOST_TEST(world.sent == 0U);
  BOOST_TEST(fs::exists(lock));
}

BOOST_AUTO_TEST_CASE(two_names_of_one_content_are_one_blob) {
  World world;
  RepoFile again = world.large();
  again.name = "copy.safetensors";
  Hub hub(world.settings, world.http);
  fetch_blobs(hub, world.cache, {"org/name", kCommit, {world.large(), again}, 4});
  BOOST_TEST(world.sent == world.weights.size());
  BOOST_TEST((world.snapshot("copy.safetensors") == world.weights));
}

BOOST_AUTO_TEST_SUITE_END()
