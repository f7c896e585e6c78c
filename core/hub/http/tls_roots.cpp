// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/http/tls_roots.hpp"

#include <cstdlib>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

struct Named {
  std::string variable, file;
};

Named named_file() {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}) {
    const char* file = std::getenv(name);
    if (file != nullptr && *file != '\0') return {name, file};
  }
  return {};
}

/// Whether libcurl's contexts are made by the OpenSSL that this library is linked with: it may be built with
/// GnuTLS and others.
bool shares_our_openssl(const curl_version_info_data& curl) {
  return curl.ssl_version != nullptr &&
         std::string(curl.ssl_version) == std::string("OpenSSL/") + OpenSSL_version(OPENSSL_VERSION_STRING);
}

std::string text_of(const char* text) { return text == nullptr ? std::string() : text; }

CURLcode on_context(CURL*, void* context, void* store) {
  SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(context), static_cast<X509_STORE*>(store));
  return CURLE_OK;
}

}  // namespace

void TlsRoots::load() {
  const curl_version_info_data& curl = *curl_version_info(CURLVERSION_NOW);
  const Named named = named_file();
  file_ = named.file;
  if (!shares_our_openssl(curl)) return;
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  if (store == nullptr) throw std::bad_alloc();
  // As libcurl 7.88 does (lib/vtls/openssl.c, populate_x509_store).
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  const std::string file = named.file.empty() ? text_of(curl.cainfo) : named.file,
                    folder = text_of(curl.capath);
  if (!file.empty() && X509_STORE_load_locations(store.get(), file.c_str(), nullptr) != 1) {
    ERR_clear_error();
    throw IoError(file + ": expected certificates to believe (PEM), found none that can be read" +
                  (named.variable.empty() ? "; SSL_CERT_FILE names another file"
                                          : "; it is named by " + named.variable));
  }
  if (!folder.empty()) X509_STORE_load_locations(store.get(), nullptr, folder.c_str());
  ERR_clear_error();
  store_ = std::move(store);
}

void TlsRoots::use(CURL* handle) {
  std::call_once(once_, [this] { load(); });
  if (store_ == nullptr) {
    if (!file_.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, file_.c_str());
    return;
  }
  curl_easy_setopt(handle, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, on_context);
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, store_.get());
}

}  // namespace mhub
