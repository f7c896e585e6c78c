// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <new>
#include <openssl/evp.h>

#include <boost/algorithm/hex.hpp>

#include "mhub/hub/http/make.hpp"

namespace mhub {
namespace {

class OpensslDigest final : public Digest {
 public:
  explicit OpensslDigest(const EVP_MD* kind) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), kind, nullptr) != 1) throw std::bad_alloc();
  }
  void update(std::span<const std::byte> data) override {
    EVP_DigestUpdate(context_.get(), data.data(), data.size());
  }
  std::string hex() override {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes.data(), &size);
    std::string text;
    boost::algorithm::hex_lower(bytes.begin(), bytes.begin() + size, std::back_inserter(text));
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

}  // namespace

std::unique_ptr<Digest> make_openssl_digest(DigestKind kind) {
  return std::make_unique<OpensslDigest>(kind == DigestKind::sha1 ? EVP_sha1() : EVP_sha256());
}

}  // namespace mhub

extern "C" const mhub::HttpDriver mhub_http_driver{&mhub::make_curl_client, &mhub::make_openssl_digest};
