// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <curl/curl.h>
#include <exception>
#include <mutex>
#include <new>

#include "mhub/hub/http/make.hpp"
#include "mhub/hub/http/tls_roots.hpp"

namespace mhub {
namespace {

using Handle = std::unique_ptr<CURL, void (*)(CURL*)>;

/// Seconds of silence from a server that works.
constexpr long kWorks = 300;
/// Bytes a second, over the whole patience: less is a connection that stands still.
constexpr long kSlowest = 100;

/// What the callbacks of one exchange share. Exceptions do not pass through C: they wait here.
struct Exchange {
  const HttpClient::Body& body;
  const std::function<bool()>& cancelled;
  const HttpUpload& upload;
  std::uint64_t sent = 0;  ///< of `upload`
  HttpHead head = {};
  std::exception_ptr thrown = {};
  bool ended = false;        ///< `body` wants no more
  bool interrupted = false;  ///< `cancelled` says so
};

/// A line of the head. A new status line begins a new one: of a proxy, or behind "100 Continue".
std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  std::string_view line(data, size * count);
  const std::size_t all = line.size();
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  try {
    if (line.starts_with("HTTP/")) {
      exchange.head.headers.clear();
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
      exchange.head.headers[std::move(name)] = value;
    }
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
  return all;
}

long status_of(CURL* handle) {
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

/// What is given to the callback that has both: libcurl's handle for the status.
struct BodyUser {
  Exchange& exchange;
  CURL* handle;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& [exchange, handle] = *static_cast<BodyUser*>(user);
  try {
    exchange.head.status = static_cast<int>(status_of(handle));
    if (exchange.body(exchange.head, std::as_bytes(std::span(data, size * count)))) return size * count;
    exchange.ended = true;
  } catch (...) {
    exchange.thrown = std::current_exception();
  }
  return 0;
}

std::size_t on_read(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::uint64_t most = std::min<std::uint64_t>(size * count, exchange.upload.size - exchange.sent);
  try {
    if (most > 0)
      exchange.upload.read(exchange.sent,
                           std::as_writable_bytes(std::span(data, static_cast<std::size_t>(most))));
  } catch (...) {
    exchange.thrown = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
  exchange.sent += most;
  return static_cast<std::size_t>(most);
}

/// Where a connection that was kept turns out to be closed, the body begins anew on another one.
int on_seek(void* user, curl_off_t offset, int origin) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::uint64_t>(offset) > exchange.upload.size)
    return CURL_SEEKFUNC_FAIL;
  exchange.sent = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(user);
  try {
    exchange.interrupted = exchange.cancelled && exchange.cancelled();
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 1;
  }
  return exchange.interrupted ? 1 : 0;
}

/// The host alone: an address may carry a signature.
std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parts(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return "an address that is none";
  std::string text = host;
  curl_free(host);
  return text;
}

/// Whether the network may do better next time; a name or a certificate that is wrong stays so.
bool is_transient(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
  }
}

class CurlClient final : public HttpClient {
 public:
  CurlClient(int patience, std::string user_agent)
      : patience_(patience), user_agent_(std::move(user_agent)), share_(curl_share_init()) {
    curl_share_setopt(share_, CURLSHOPT_USERDATA, this);
    curl_share_setopt(share_, CURLSHOPT_LOCKFUNC, lock);
    curl_share_setopt(share_, CURLSHOPT_UNLOCKFUNC, unlock);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  ~CurlClient() override {
    idle_.clear();
    curl_share_cleanup(share_);
  }
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  HttpHead send(const HttpRequest& request, const Body& body,
                const std::function<bool()>& cancelled) override {
    Handle handle = taken();
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers = prepare(handle.get(), request);
    Exchange exchange{body, cancelled, request.upload};
    BodyUser user{exchange, handle.get()};
    std::array<char, CURL_ERROR_SIZE> text{};
    curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, text.data());
    curl_easy_setopt(handle.get(), CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &user);
    curl_easy_setopt(handle.get(), CURLOPT_XFERINFODATA, &exchange);
    curl_easy_setopt(handle.get(), CURLOPT_READDATA, &exchange);
    curl_easy_setopt(handle.get(), CURLOPT_SEEKDATA, &exchange);
    const CURLcode code = curl_easy_perform(handle.get());
    exchange.head.status = static_cast<int>(status_of(handle.get()));
    curl_easy_reset(handle.get());  // keeps its connections
    give_back(std::move(handle));
    if (exchange.thrown) std::rethrow_exception(exchange.thrown);
    if (exchange.interrupted) throw Interrupted("interrupted while " + host_of(request.url) + " was asked");
    if (code != CURLE_OK && !exchange.ended) fail(request, code, text.data());
    return std::move(exchange.head);
  }

 private:
  static void lock(CURL*, curl_lock_data data, curl_lock_access, void* user) {
    static_cast<CurlClient*>(user)->locks_.at(static_cast<std::size_t>(data)).lock();
  }
  static void unlock(CURL*, curl_lock_data data, void* user) {
    static_cast<CurlClient*>(user)->locks_.at(static_cast<std::size_t>(data)).unlock();
  }

  [[noreturn]] static void fail(const HttpRequest& request, CURLcode code, const char* text) {
    const std::string reason = *text != '\0' ? text : curl_easy_strerror(code);
    std::string advice;
    if (code == CURLE_PEER_FAILED_VERIFICATION)
      advice = "; CURL_CA_BUNDLE or SSL_CERT_FILE names the certificates to believe";
    throw HttpError(host_of(request.url) + ": " + reason + advice, is_transient(code));
  }

  Handle taken() {
    const std::lock_guard guard(mutex_);
    if (idle_.empty()) {
      Handle fresh(curl_easy_init(), curl_easy_cleanup);
      if (fresh == nullptr) throw std::bad_alloc();
      return fresh;
    }
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void give_back(Handle handle) {
    const std::lock_guard guard(mutex_);
    idle_.push_back(std::move(handle));
  }

  /// Proxies are libcurl's own: HTTPS_PROXY, ALL_PROXY, NO_PROXY.
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> prepare(CURL* handle, const HttpRequest& request) {
    curl_slist* list = nullptr;
    for (const std::string& header : request.headers) list = curl_slist_append(list, header.c_str());
    if (!request.body.empty() || request.upload.read) list = curl_slist_append(list, "Expect:");
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, user_agent_.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_SHARE, share_);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(patience_));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kSlowest);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                     request.works ? std::max(kWorks, long{patience_}) : long{patience_});
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    roots_.use(handle);
    // On a connection that was kept, and turns out to be closed, libcurl sends a request again.
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, request.once ? 1L : 0L);
    set_body(handle, request);
    return {list, curl_slist_free_all};
  }

  /// Borrows the request.
  static void set_body(CURL* handle, const HttpRequest& request) {
    if (request.upload.read) {
      curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
      curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload.size));
      curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_read);
      curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
    } else if (request.method == "HEAD") {
      curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET") {
      curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    }
  }

  int patience_;
  std::string user_agent_;
  TlsRoots roots_;
  CURLSH* share_;
  std::array<std::mutex, CURL_LOCK_DATA_LAST> locks_;
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

}  // namespace

std::unique_ptr<HttpClient> make_curl_client(int patience, const std::string& user_agent) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw IoError(std::string("libcurl: ") + curl_easy_strerror(ready));
  return std::make_unique<CurlClient>(patience, user_agent);
}

}  // namespace mhub
