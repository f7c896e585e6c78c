// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <fstream>
#include <random>
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "store/hdf5/archive_data.hpp"
#include "store/read_tensor.hpp"

BOOST_AUTO_TEST_SUITE(damaged_hdf5)

using namespace mhub;
using namespace mhub::tests;

namespace {

void overwrite(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// One of each kind of storage: chunked, with padding, scalar, empty; side files as text and as bytes.
std::vector<SinkTensor> small_tensors() {
  return {sink_tensor("model.a.weight", DType::bf16, {40, 9}), sink_tensor("model.a", DType::f8_e4m3, {7}),
          sink_tensor("model.b", DType::f32, {}), sink_tensor("c", DType::i64, {0, 3})};
}

const Hdf5Contents kSmallContents{{{"kind", "hf"}}, {{"config.json", "{}"}, {"b", std::string(9, '\0')}}};

/// Everything that can be read of an archive, as one string.
std::string everything(const std::string& path) {
  const Hdf5Archive archive = open_hdf5(path);
  std::string all;
  for (const auto& [name, text] : archive.attributes) all += name + "=" + text + "\n";
  for (const auto& [name, bytes] : archive.files) all += name + ":" + read_side_file(archive, name) + "\n";
  for (const StoredTensor& tensor : archive.state.tensors()) {
    all += tensor.name + std::string(torch_name(tensor.dtype)) + to_string(tensor.shape);
    for (const std::byte one : read_tensor(tensor)) all += static_cast<char>(one);
  }
  return all;
}

/// True when the archive is refused, false when it gives what it always gave; anything else fails the test.
bool refused(const std::string& path, const std::string& expected) {
  try {
    BOOST_REQUIRE(everything(path) == expected);
    return false;
  } catch (const InputError& error) {
    BOOST_REQUIRE(std::string(error.what()).find(path) != std::string::npos);
    BOOST_REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
    return true;
  }
}

}  // namespace

/// Every byte of the file has a checksum or means nothing.
BOOST_AUTO_TEST_CASE(no_changed_byte_changes_what_is_read) {
  const auto before = open_identifiers();
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  write_archive(path, small_tensors(), kSmallContents);
  const std::string expected = everything(path);
  const std::string content = read_file(path, 1 << 20);
  // Every byte that is something, and some of the zeros, most of which are free space.
  std::size_t changed = 0, found = 0;
  for (std::size_t at = 0; at < content.size(); at += content[at] == '\0' ? 7 : 1) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    overwrite(path, damaged);
    ++changed;
    if (refused(path, expected)) ++found;
  }
  BOOST_TEST_MESSAGE(content.size() << " bytes, " << changed << " changed, " << found << " found");
  BOOST_TEST(found > 1000u);
  BOOST_TEST(open_identifiers() == before);
}

BOOST_AUTO_TEST_CASE(random_damage_never_passes_or_crashes) {
  const auto before = open_identifiers();
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  write_archive(path, small_tensors(), kSmallContents);
  const std::string expected = everything(path);
  const std::string content = read_file(path, 1 << 20);
  std::mt19937 random(5);
  std::size_t found = 0;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = content;
    // A stretch of zeros or of noise, as a bad disk or a broken copy leaves it.
    const std::size_t at = random() % content.size();
    const std::size_t length = std::min<std::size_t>(1 + random() % 600, content.size() - at);
    for (std::size_t k = at; k < at + length; ++k)
      damaged[k] = round % 2 == 0 ? '\0' : static_cast<char>(random());
    overwrite(path, damaged);
    if (refused(path, expected)) ++found;
  }
  BOOST_TEST(found > 100u);
  BOOST_TEST(open_identifiers() == before);
}

BOOST_AUTO_TEST_CASE(every_truncation_is_found) {
  const auto before = open_identifiers();
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  write_archive(path, small_tensors(), kSmallContents);
  const std::string expected = everything(path);
  const std::string content = read_file(path, 1 << 20);
  for (std::size_t size = 0; size < content.size(); size += 1 + content.size() / 211) {
    overwrite(path, content.substr(0, size));
    BOOST_REQUIRE(refused(path, expected));
  }
  BOOST_TEST(open_identifiers() == before);
}

BOOST_AUTO_TEST_CASE(a_damaged_chunk_is_named_and_the_others_stay_readable) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  const SinkTensor tensor = sink_tensor("model.weight", DType::u8, {3000, 1024});
  const std::vector<std::byte> data = random_bytes(tensor, 0);
  write_archive(path, {tensor});
  std::string content = read_file(path, 1 << 23);
  const std::string needle(reinterpret_cast<const char*>(data.data()) + 2'000'000, 32);
  const std::size_t at = content.find(needle);
  BOOST_REQUIRE(at != std::string::npos);
  content[at] = static_cast<char>(content[at] ^ 1);
  overwrite(path, content);
  const Hdf5Archive archive = open_hdf5(path);
  const StoredTensor& stored = archive.state.tensors()[0];
  BOOST_CHECK_EXCEPTION(read_tensor(stored), InputError,
                        message_has(path, "tensor model.weight", "chunk 1 ", "checksum"));
  BOOST_CHECK_THROW(read_slice(stored, {1500, 0}, {1, 1}),
                    InputError);  // also where other bytes are asked for
  BOOST_TEST((read_slice(stored, {0, 0}, {1000, 1024}) ==
              std::vector<std::byte>(data.begin(), data.begin() + 1000 * 1024)));
}

/// Zeros have a checksum of zero: a file with a hole looks intact but for the number of such chunks.
BOOST_AUTO_TEST_CASE(a_hole_is_not_taken_for_zeros) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  const SinkTensor tensor = sink_tensor("w", DType::u8, {3, 1 << 20});
  std::vector<std::byte> data = random_bytes(tensor, 0);
  std::fill_n(data.begin() + (1 << 20), 1 << 20, std::byte{0});
  {
    const auto sink = make_hdf5_sink(path, {tensor});
    sink->append(0, 0, data);
    sink->add_file("late", std::string(3 << 20, '\0'));
    sink->finish();
  }
  {
    const Hdf5Archive archive = open_hdf5(path);
    BOOST_TEST((read_tensor(archive.state.tensors()[0]) == data));
    BOOST_TEST((read_side_file(archive, "late") == std::string(3 << 20, '\0')));
  }
  const std::string content = read_file(path, 1 << 24);
  std::string damaged = content;
  const std::size_t begin = content.find(std::string(reinterpret_cast<const char*>(data.data()), 32));
  std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(begin), (1 << 20) + 4, '\0');
  overwrite(path, damaged);
  const TensorSource opened = open_hdf5(path).state;
  BOOST_CHECK_EXCEPTION(read_tensor(opened.tensors()[0]), InputError,
                        message_has(path, "tensor w", "2 chunks of zeros, expected 1"));
}

BOOST_AUTO_TEST_CASE(an_unfinished_archive_is_refused) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  const SinkTensor tensor = sink_tensor("w", DType::u8, {3000, 1024});
  {
    const auto sink = make_hdf5_sink(path, {tensor});
    sink->append(0, 0, std::vector<std::byte>(1 << 21));
  }
  BOOST_CHECK_THROW(open_hdf5(path), InputError);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_io_error) {
  const TemporaryFolder folder;
  const SinkTensor tensor = sink_tensor("w", DType::u8, {3000, 1024});
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ::getrlimit(RLIMIT_FSIZE, &old_limit);
  // Within the data, within the metadata at the end, and at once.
  for (const rlim_t limit : {rlim_t{2'000'000}, rlim_t{1000}}) {
    const rlimit limited{limit, old_limit.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
    const std::string path = folder.file(std::to_string(limit));
    BOOST_CHECK_EXCEPTION(write_archive(path, {tensor}), IoError, message_has(path));
    ::setrlimit(RLIMIT_FSIZE, &old_limit);
  }
  std::signal(SIGXFSZ, old_handler);
}

BOOST_AUTO_TEST_SUITE_END()
