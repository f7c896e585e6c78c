// SPDX-License-Identifier: Apache-2.0
// What the Hub's answers mean: huggingface_hub's utils/_http.py (hf_raise_for_status), utils/_lfs.py,
// hf_api.py (RepoFile).
#include "mhub/hub/answers.hpp"

#include <algorithm>
#include <charconv>

#include "mhub/base/json.hpp"
#include "mhub/hub/url.hpp"

namespace mhub {
namespace {

/// A number of seconds that a text begins with, 0 for none; a year stands for all above.
double seconds_of(std::string_view text) {
  constexpr double kYear = 365.0 * 24 * 3600;
  double seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec == std::errc::result_out_of_range) return kYear;
  return parsed.ec == std::errc() && seconds >= 0 ? std::min(seconds, kYear) : 0;
}

/// Retry-After, or else the window of the RateLimit header that the Hub sends ("\"api\";r=0;t=55", which
/// huggingface_hub's utils/_http.py reads, too). A date, which the Hub does not send, counts as a short
/// while.
double retry_after(const HttpHead& head) {
  if (const double seconds = seconds_of(head.header("retry-after")); seconds > 0) return seconds;
  const std::string limit = head.header("ratelimit");
  const std::size_t at = limit.find(";t=");
  return at == std::string::npos ? 0 : seconds_of(std::string_view(limit).substr(at + 3));
}

std::string seconds_text(double seconds) { return std::to_string(static_cast<long>(seconds + 0.999)) + " s"; }

std::string sign_in(const HubSettings& settings) {
  return settings.token ? "the token of " + settings.token_place + " was sent, and its account has no access"
                        : "no token was sent: set HF_TOKEN, or log in with hf auth login";
}

std::string about_gate(const std::string& what, const HubSettings& settings) {
  const std::string repo = what.substr(0, what.find('@'));
  return what + ": is gated; accept its terms on " + shown_url(settings.endpoint) + "/" +
         repo.substr(0, repo.find(':')) + ", and use a token of that account (" + sign_in(settings) + ")";
}

/// The size in an entry of a list of files; no file has 2^60 bytes.
std::uint64_t size_in(const nlohmann::json& entry) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 60;
  const nlohmann::json& size = entry.at("size");
  if (size.is_number_unsigned() && size.get<std::uint64_t>() < kLargest) return size.get<std::uint64_t>();
  throw InputError("expected a file's size, found " + json_text(size));
}

}  // namespace

void refuse(const HttpHead& head, const std::string& url, const std::string& what,
            const HubSettings& settings) {
  const std::string host = host_of(url), code = head.header("x-error-code"),
                    said = head.header("x-error-message");
  const std::string answer = host + " answers " + std::to_string(head.status);
  if (head.status == 429) {
    const double seconds = retry_after(head);
    throw RetryLater(what + ": " + answer + " (too many requests)" +
                         (seconds > 0 ? "; come back in " + seconds_text(seconds) : "") +
                         (settings.token ? "" : "; with a token (HF_TOKEN) more are allowed"),
                     seconds);
  }
  if (head.status == 408 || head.status / 100 == 5)
    throw RetryLater(what + ": " + answer + "; try again later", retry_after(head));
  // Signed addresses lie elsewhere, and know no token.
  const bool elsewhere = origin_of(url) != origin_of(settings.endpoint);
  if (elsewhere && (head.status == 401 || head.status == 403))
    throw HubRefusal(what + ": " + answer + ": the address that the Hub gave for it is not valid (any more)",
                     head.status);
  if (code == "GatedRepo") throw HubRefusal(about_gate(what, settings), head.status);
  if (code == "RevisionNotFound")
    throw HubRefusal(what + ": " + host + " has the repository, but no such branch, tag or commit",
                     head.status);
  if (code == "EntryNotFound")
    throw HubRefusal(what + ": " + host + " has the repository, but no such file", head.status);
  if (head.status == 401 && said == "Invalid credentials in Authorization header")
    throw HubRefusal(what + ": " + host + " does not know the token of " + settings.token_place +
                         "; log in anew with hf auth login",
                     head.status);
  // 401 is what the Hub says of what does not exist to those who might not see it.
  if (code == "RepoNotFound" || head.status == 401)
    throw HubRefusal(what + ": " + host + " has no such model, or it is private: " + sign_in(settings),
                     head.status);
  if (head.status == 403)
    throw HubRefusal(
        what + ": " + answer + " (forbidden)" + (said.empty() ? "" : ": " + said) + "; " + sign_in(settings),
        head.status);
  if (head.status == 416)
    throw HubRefusal(
        what + ": " + answer + ": the file there is shorter than the Hub lists it; try again later",
        head.status);
  if (head.status == 404)
    throw HubRefusal(what + ": " + answer + "; is " + host + " a Hub (HF_ENDPOINT)?", head.status);
  if (head.status == 409 || head.status == 412)
    throw HubRefusal(what + ": " + answer + (said.empty() ? "" : " (" + said + ")") +
                         ": it was changed meanwhile, or is busy; the same command goes on from here",
                     head.status);
  throw HubRefusal(what + ": " + answer + (said.empty() ? "" : ": " + said), head.status);
}

void append_files(const nlohmann::json& page, const std::string& url, RepoFiles& files) {
  try {
    for (const nlohmann::json& entry : page) {
      if (entry.at("type") != "file") continue;
      RepoFile file{entry.at("path").get<std::string>(), size_in(entry), entry.at("oid").get<std::string>()};
      if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
        file.sha256 = lfs->at("oid").get<std::string>();
        file.size = size_in(*lfs);
      }
      file.xet = entry.value("xetHash", "");
      const auto is_hash = [](const std::string& text, std::size_t digits) {
        return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
      };
      // Names and hashes become paths of the cache.
      if (!stays_inside(file.name) || !is_hash(file.sha1, 40) ||
          !(file.sha256.empty() || is_hash(file.sha256, 64)))
        throw InputError(host_of(url) + ": lists \"" + file.name + "\", whose name or hash cannot be one");
      files.push_back(std::move(file));
    }
  } catch (const InputError& error) {
    throw InputError(host_of(url) + ": not a list of files as the Hub sends it: " + error.what());
  } catch (const nlohmann::json::exception& error) {
    throw InputError(host_of(url) + ": not a list of files as the Hub sends it: " + error.what());
  }
}

}  // namespace mhub
