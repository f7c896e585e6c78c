// SPDX-License-Identifier: Apache-2.0
#include "entries.hpp"

#include <algorithm>

#include "converters/options.hpp"
#include "mhub/base/error.hpp"
#include "mhub/formats/format.hpp"
#include "variables.hpp"

namespace mhub::converters {
namespace {

/// The variables themselves belong to no entry.
constexpr std::size_t kNoEntry = static_cast<std::size_t>(-1);

constexpr std::size_t kMostText = 64'000'000;

/// {run}, {iteration} and {name} as ${run}: what a pattern found is written so.
std::string with_braces(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const std::string_view word : {"{run}", "{iteration}", "{name}"}) {
      if (std::string_view(text).substr(at).starts_with(word) && (at == 0 || text[at - 1] != '$')) out += '$';
    }
    out += text[at];
  }
  return out;
}

/// A {word} that is left would be the name of a folder.
void require_no_braces(const std::string& text, bool found) {
  for (std::size_t at = text.find('{'); at != text.npos; at = text.find('{', at + 1)) {
    const std::size_t end =
        text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", at + 1);
    if (end == text.npos || end == at + 1 || text[end] != '}' || (at > 0 && text[at - 1] == '$')) continue;
    const std::string word = text.substr(at, end - at + 1);
    throw UsageError(word +
                     (found ? " is none of {run}, {iteration} and {name}"
                            : " stands for what `sources` finds, and there is none here") +
                     "; write $" + word + " for a variable");
  }
}

const YamlPair* find_pair(const std::vector<YamlPair>& pairs, std::string_view key) {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [&](const YamlPair& pair) { return pair.key == key; });
  return found == pairs.end() ? nullptr : &*found;
}

}  // namespace

void fail_value(const YamlPair& pair, const std::string& what) {
  // A --set stands in no line, and its "file" names it.
  if (pair.value->place.line == 0) throw UsageError(*pair.value->place.file + ": " + what);
  fail_at(pair.value->place, pair.key + ": " + what);
}

const YamlPair* WrittenEntry::find(std::string_view key) const { return find_pair(keys, key); }

void WrittenEntry::set(YamlPair pair) {
  const auto same =
      std::find_if(keys.begin(), keys.end(), [&](const YamlPair& one) { return one.key == pair.key; });
  if (same == keys.end()) {
    keys.push_back(std::move(pair));
  } else {
    *same = std::move(pair);
  }
}

void RecipeText::set_variable(const std::string& name, const YamlPair& value) {
  for (YamlPair& one : variables_) {
    if (one.key != name) continue;
    one.value = value.value;
    return forget();
  }
  std::vector<std::string> names;
  for (const YamlPair& one : variables_) names.push_back(one.key);
  throw UsageError("the recipe has no variable " + name +
                   suggestion(name, names, "declare it under variables"));
}

std::string RecipeText::text(std::size_t entry, const YamlPair& pair, KeyKind kind) {
  if (pair.value->kind != YamlNode::Kind::scalar) {
    // YAML reads null as nothing.
    const bool null = pair.key == "to" && pair.value->kind == YamlNode::Kind::null;
    fail_value(pair, std::string("expected ") + expected_of(kind) + ", found " + pair.value->found() +
                         (null ? "; null has to stand in quotes, to: \"null\"" : ""));
  }
  try {
    const bool braces = entry != kNoEntry && !entries[entry].found.empty();
    const std::string written = braces ? with_braces(pair.value->text) : pair.value->text;
    const std::string result =
        substitute(written, [&](const std::string& name) { return lookup(entry, name); });
    spent_ += result.size();
    if (spent_ > kMostText)
      throw UsageError("more than 64 MB of text in all conversions; make it several recipes");
    if (kind == KeyKind::path || pair.key == "upload.repo" || pair.key == "upload.revision")
      require_no_braces(result, braces);
    return kind == KeyKind::path ? with_home(result) : result;
  } catch (const UsageError& error) {
    fail_value(pair, error.what());
  }
}

std::size_t RecipeText::named(const std::string& name) const {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    if (entries[k].name == name) return k;
    names.push_back(entries[k].name);
  }
  constexpr std::size_t kShown = 5;
  std::string some;
  for (std::size_t k = 0; k < std::min(kShown, names.size()); ++k) some += (k == 0 ? "" : ", ") + names[k];
  if (names.size() > kShown) some += ", ...";
  throw UsageError("no conversion is named \"" + name + "\"" + suggestion(name, names, "there are " + some));
}

std::string RecipeText::lookup(std::size_t entry, const std::string& name) {
  const Reference reference{entry, name};
  if (entry != kNoEntry) entries[entry].asked.insert(name);
  if (const auto found = known_.find(reference); found != known_.end()) return found->second;
  const auto active = std::find(active_.begin(), active_.end(), reference);
  if (active != active_.end()) {
    std::string chain;
    for (auto one = active; one != active_.end(); ++one) chain += "${" + one->second + "} -> ";
    throw UsageError(chain + "${" + name + "} is made of itself; give one of them a value");
  }
  active_.push_back(reference);
  std::string value;
  try {
    value = value_of(entry, name);
  } catch (...) {
    active_.pop_back();
    throw;
  }
  active_.pop_back();
  known_[reference] = value;
  return value;
}

std::string RecipeText::value_of(std::size_t entry, const std::string& name) {
  constexpr std::string_view kOutputs = "outputs.";
  if (entry != kNoEntry) {
    const WrittenEntry& one = entries[entry];
    if (name.starts_with(kOutputs)) {
      const std::size_t other = named(name.substr(kOutputs.size()));
      const YamlPair* output = entries[other].find("output");
      if (output == nullptr) throw UsageError(entries[other].name + " writes no output; give it one");
      const YamlPair* to = entries[other].find("to");
      if (to != nullptr && format_named(parse_format(text(other, *to))).discards())
        throw UsageError(entries[other].name + " keeps no output, its to is " + text(other, *to) +
                         "; name one that does");
      uses_[entry].insert(other);
      return text(other, *output, KeyKind::path);
    }
    if (const auto found = one.found.find(name); found != one.found.end()) return found->second;
    if (name == "name" && !one.name.empty()) return one.name;
    for (const auto* pairs : {&one.variables, &one.labels}) {
      if (const YamlPair* pair = find_pair(*pairs, name)) return text(entry, *pair);
    }
    const YamlPair* pair = one.find(short_name(name));
    if (pair != nullptr && pair->value->kind == YamlNode::Kind::scalar) return text(entry, *pair);
  }
  if (const YamlPair* pair = find_pair(variables_, name))
    return entry == kNoEntry ? text(kNoEntry, *pair) : lookup(kNoEntry, name);
  unknown(entry, name);
}

void RecipeText::unknown(std::size_t entry, const std::string& name) const {
  std::vector<std::string> names;
  for (const YamlPair& one : variables_) names.push_back(one.key);
  if (entry != kNoEntry) {
    for (const YamlPair& one : entries[entry].variables) names.push_back(one.key);
    for (const YamlPair& one : entries[entry].keys) names.push_back(one.key);
  }
  throw UsageError("${" + name + "} has no value" + suggestion(name, names, "declare it under variables"));
}

std::set<std::size_t> RecipeText::uses(std::size_t entry) const {
  const auto found = uses_.find(entry);
  return found == uses_.end() ? std::set<std::size_t>{} : found->second;
}

std::vector<YamlPair> RecipeText::unused(std::size_t entry) const {
  std::vector<YamlPair> result;
  for (const YamlPair& one : entries[entry].variables) {
    if (!entries[entry].asked.contains(one.key)) result.push_back(one);
  }
  return result;
}

void RecipeText::forget() {
  known_.clear();
  uses_.clear();
  spent_ = 0;
}

}  // namespace mhub::converters
