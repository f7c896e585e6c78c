// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/page_pool.hpp"

#include <cstring>
#include <set>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "runtime/device/host_device.hpp"

BOOST_AUTO_TEST_SUITE(page_pool)

using namespace mhub;
using namespace mhub::runtime;

namespace {

/// A device with little memory.
class SmallDevice final : public Device {
 public:
  explicit SmallDevice(std::size_t bytes) : bytes_(bytes) {}
  std::string describe() const override { return "small"; }
  std::size_t memory() const override { return bytes_; }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) override { return host_.allocate(bytes); }
  std::unique_ptr<GrowingMemory> reserve(std::size_t bytes) override { return host_.reserve(bytes); }
  void upload(const void* host, std::size_t bytes, void* device) override {
    host_.upload(host, bytes, device);
  }
  void upload_rows(std::int64_t rows, std::size_t row_bytes, const Fill& fill, void* device) override {
    host_.upload_rows(rows, row_bytes, fill, device);
  }
  void clear(void* device, std::size_t bytes) override { host_.clear(device, bytes); }
  void download(const void* device, std::size_t bytes, void* host) override {
    host_.download(device, bytes, host);
  }
  void launch(const Kernel& kernel) override { host_.launch(kernel); }
  void run(const LinearSpec& spec, const LinearOperands& operands) override { host_.run(spec, operands); }
  void run(const NormSpec& spec, const NormOperands& operands) override { host_.run(spec, operands); }
  void run(const AttentionSpec& spec, const AttentionOperands& operands) override {
    host_.run(spec, operands);
  }

 private:
  std::size_t bytes_;
  tests::HostDevice host_;
};

constexpr std::size_t kPage = 4096;

bool zero(const float* page) {
  for (std::size_t k = 0; k < kPage / sizeof(float); ++k) {
    if (page[k] != 0.0F) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_number_says_where_a_page_is) {
  tests::HostDevice device;
  PagePool pool(device, kPage);
  std::vector<std::shared_ptr<float>> pages;
  std::set<std::int32_t> numbers;
  for (int k = 0; k < 20000; ++k) {  // more than memory is taken for at a time
    pages.push_back(pool.take());
    const std::int32_t number = pool.number(pages.back().get());
    numbers.insert(number);
    BOOST_TEST_REQUIRE(static_cast<const void*>(pages.back().get()) ==
                       static_cast<const void*>(pool.base() + static_cast<std::size_t>(number) * kPage));
    BOOST_TEST_REQUIRE(number < pool.capacity());
    pages.back().get()[0] = pages.back().get()[kPage / sizeof(float) - 1] = 1.0F;
  }
  BOOST_TEST(numbers.size() == 20000U);
  BOOST_TEST(pool.taken() == 20000);
}

BOOST_AUTO_TEST_CASE(pages_are_used_again_and_begin_as_zeros) {
  tests::HostDevice device;
  PagePool pool(device, kPage);
  auto a = pool.take(), b = pool.take();
  BOOST_TEST(zero(a.get()));
  const std::int32_t number = pool.number(a.get());
  std::memset(a.get(), 0xff, kPage);
  a.reset();
  BOOST_TEST(pool.taken() == 1);
  auto c = pool.take();
  BOOST_TEST(pool.number(c.get()) == number);
  BOOST_TEST(zero(c.get()));
}

BOOST_AUTO_TEST_CASE(a_full_device_is_an_error_and_goes_on_when_pages_return) {
  SmallDevice device(10 * kPage + 100);
  PagePool pool(device, kPage);
  BOOST_TEST(pool.capacity() == 10);
  std::vector<std::shared_ptr<float>> pages;
  for (int k = 0; k < 10; ++k) pages.push_back(pool.take());
  BOOST_CHECK_THROW(pool.take(), IoError);
  pages.pop_back();
  BOOST_CHECK_NO_THROW(pool.take());
}

BOOST_AUTO_TEST_CASE(pages_may_outlive_the_pool) {
  tests::HostDevice device;
  std::shared_ptr<float> page;
  {
    PagePool pool(device, kPage);
    page = pool.take();
  }
  page.get()[0] = 1.0F;
  page.reset();
}

BOOST_AUTO_TEST_SUITE_END()
