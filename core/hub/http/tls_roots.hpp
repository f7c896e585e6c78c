// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>
#include <memory>
#include <mutex>
#include <string>

struct x509_store_st;  // OpenSSL's X509_STORE

namespace mhub {

/// The certificates that are believed: those of CURL_CA_BUNDLE, SSL_CERT_FILE or REQUESTS_CA_BUNDLE, which
/// curl (the program) and Python's requests and httpx read, else the system's, as libcurl knows them. Read
/// once: libcurl reads them for each connection, and a system's 150 certificates take OpenSSL 3.0 tens of
/// milliseconds then, half a second where 48 threads do it at once. Thread-safe.
class TlsRoots {
 public:
  /// Makes a request believe them. Throws IoError for a file that is none of certificates.
  void use(CURL* handle);

 private:
  void load();

  std::once_flag once_;
  std::string file_;  ///< that libcurl has to read itself, where it does not share our OpenSSL
  std::shared_ptr<x509_store_st> store_;
};

}  // namespace mhub
