// SPDX-License-Identifier: Apache-2.0
#include "variables.hpp"

#include <cstdlib>

#include "mhub/base/error.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kLongestText = 64 << 10;
constexpr int kDeepest = 16;

using Lookup = std::function<std::string(const std::string&)>;

std::string from_environment(const std::string& what) {
  constexpr std::string_view kElse = ":-";
  const std::size_t at = what.find(kElse);
  const std::string name = what.substr(0, at);
  if (name.empty()) throw UsageError("expected the name of a variable in ${env:NAME}, found none");
  const char* value = std::getenv(name.c_str());
  const bool otherwise = at != what.npos;
  if (value != nullptr && !(otherwise && *value == '\0')) return value;
  if (otherwise) return what.substr(at + kElse.size());
  throw UsageError("the environment has no variable " + name + "; set it, or write ${env:" + name +
                   ":-default}");
}

class Substitution {
 public:
  Substitution(std::string_view text, const Lookup& lookup) : text_(text), lookup_(lookup) {}

  std::string all() { return part(0); }

 private:
  /// Up to the end, or inside of ${ up to its }.
  std::string part(int depth) {
    if (depth > kDeepest) throw UsageError("more than 16 ${ stand in each other; write it with variables");
    std::string out;
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with("$${")) {
        out += "${";
        at_ += 3;
      } else if (text_.substr(at_).starts_with("${")) {
        at_ += 2;
        out += value(part(depth + 1));
      } else if (depth > 0 && text_[at_] == '}') {
        ++at_;
        return out;
      } else {
        out += text_[at_++];
      }
      if (out.size() > kLongestText) throw UsageError("longer than 64 KiB with its variables");
    }
    if (depth > 0) throw UsageError("expected a } behind ${; write $${ for the characters themselves");
    return out;
  }
  std::string value(const std::string& what) const {
    constexpr std::string_view kEnvironment = "env:";
    if (what.starts_with(kEnvironment)) return from_environment(what.substr(kEnvironment.size()));
    return lookup_(what);
  }

  std::string_view text_;
  const Lookup& lookup_;
  std::size_t at_ = 0;
};

}  // namespace

std::string substitute(std::string_view text, const Lookup& lookup) {
  return Substitution(text, lookup).all();
}

std::string with_home(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return path;
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') throw UsageError("~ means HOME, which is not set");
  return home + path.substr(1);
}

}  // namespace mhub::converters
