// SPDX-License-Identifier: Apache-2.0
#include "resolve.hpp"

#include <algorithm>
#include <functional>

#include <yaml-cpp/yaml.h>

#include "converters/options.hpp"
#include "mhub/base/error.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/hub/repo_id.hpp"
#include "places.hpp"

namespace mhub::converters {
namespace {

/// YAML spells booleans in more ways than the command line.
std::string flag_text(const std::string& text) {
  bool flag = false;
  return YAML::convert<bool>::decode(YAML::Node(text), flag) ? (flag ? "true" : "false") : text;
}

class EntryMaker {
 public:
  EntryMaker(RecipeText& text, std::size_t index) : text_(text), index_(index) {
    entry_.name = written().name;
    entry_.place = written().place;
    entry_.request.run.verify = true;
  }

  RecipeEntry make() {
    for (const YamlPair& pair : written().keys) {
      entry_.given.emplace(pair.key, pair);
      if (const ConvertKey* key = find_convert_key(pair.key)) {
        set_key(*key, pair);
      } else if (const StepKind* step = find_step(pair.key)) {
        set_step(*step, pair);
      } else if (pair.key == "download") {
        guarded(pair, [&] { entry_.steps.download = parse_flag(value(pair, KeyKind::flag)); });
      } else if (pair.key == "parts") {
        guarded(pair, [&] { entry_.parts = parse_size(value(pair, KeyKind::number)); });
      } else if (pair.key == "needs") {
        set_needs(pair);
      }
    }
    for (const std::size_t other : text_.uses(index_)) add_need(other);
    check();
    return std::move(entry_);
  }

 private:
  const WrittenEntry& written() const { return text_.entries[index_]; }

  std::string value(const YamlPair& pair, KeyKind kind) {
    const std::string result = text_.text(index_, pair, kind);
    return kind == KeyKind::flag ? flag_text(result) : result;
  }
  template <typename Function>
  void guarded(const YamlPair& pair, const Function& function) {
    try {
      function();
    } catch (const UsageError& error) {
      const std::string_view what = error.what();
      if (what.starts_with("--set ")) throw;
      fail_value(pair, error.what());
    }
  }
  void set_key(const ConvertKey& key, const YamlPair& pair) {
    const std::string text = value(pair, key.kind);
    WriteOptions before = entry_.request.write;
    guarded(pair, [&] { key.set(entry_.request, text); });
    const bool place = pair.key == "source" || pair.key == "output";
    const bool off = key.kind == KeyKind::flag && text == "false";
    if (place || key.how || off) return;
    // A default that is written out is the same as one that is not, where it can be seen.
    if (pair.key == "to" && before.format.empty()) before.format = formats().front()->name();
    // These are kept elsewhere than in the options of writing.
    const bool other = pair.key == "hf_reference" || pair.key == "hf_class" || pair.key == "from_iteration" ||
                       pair.key == "allow_overflow";
    if (!other && before == entry_.request.write) return;
    entry_.settings[key.name] = text;
  }
  void set_step(const StepKind& step, const YamlPair& pair) {
    const YamlNode& node = *pair.value;
    if (node.kind == YamlNode::Kind::null) return;
    std::vector<YamlPair> keys = node.pairs;
    if (node.kind == YamlNode::Kind::scalar) {
      const std::string flag = flag_text(node.text);
      if (flag == "false") return;  // a default that is taken back
      if (*step.short_key != '\0') {
        if (flag == "true")
          fail_value(pair, std::string("expected ") + step.short_key + " as text, or a map of keys, found " +
                               node.found());
        keys.push_back({step.short_key, pair.place, pair.value});
      } else if (flag != "true") {
        fail_value(pair, "expected true, false or a map of keys, found " + node.found());
      }
    } else if (node.kind == YamlNode::Kind::list) {
      fail_value(pair, "expected a map of keys, found a list");
    }
    step.begin(entry_.steps);
    std::string& settings = entry_.step_settings[step.name];
    for (const YamlPair& one : keys) {
      const StepKey* key = find_step_key(step.name, one.key);
      if (key == nullptr) unknown_step_key(step, one);
      const YamlPair named{pair.key + "." + one.key, one.place, one.value};
      const std::string text = value(named, key->kind);
      guarded(named, [&] { key->set(entry_.steps, text); });
      settings += one.key + "=" + text + "\n";
    }
    if (!step.complete(entry_.steps)) fail_value(pair, std::string("expected ") + step.needed + " in it");
  }
  [[noreturn]] static void unknown_step_key(const StepKind& step, const YamlPair& pair) {
    std::vector<std::string> names;
    std::string all;
    for (const StepKey& key : step_keys()) {
      if (std::string_view(step.name) != key.step) continue;
      names.emplace_back(key.name);
      all += (all.empty() ? "" : ", ") + names.back();
    }
    fail_at(pair.place, std::string(step.name) + ": unknown key \"" + pair.key + "\"" +
                            suggestion(pair.key, names, "it has " + all));
  }
  void set_needs(const YamlPair& pair) {
    std::vector<YamlPointer> names{pair.value};
    if (pair.value->kind == YamlNode::Kind::list) names = pair.value->items;
    for (const YamlPointer& name : names) {
      const YamlPair one{"needs", pair.place, name};
      guarded(one, [&] { add_need(text_.named(value(one, KeyKind::text))); });
    }
  }
  void add_need(std::size_t other) {
    if (std::find(entry_.needs.begin(), entry_.needs.end(), other) == entry_.needs.end())
      entry_.needs.push_back(other);
  }
  void check() {
    if (entry_.request.source.empty()) fail_at(entry_.place, "source is missing; say what is converted");
    const Steps& steps = entry_.steps;
    if (!entry_.converts() && !steps.download && !steps.generate && !steps.upload)
      fail_at(entry_.place, "output is missing; name the folder to write, or a step to do with the source");
    if (!entry_.converts() && steps.logits)
      fail_value(*written().find("logits"), "compares an output with its source, and there is none");
    check_discarded();
    if (steps.upload) {
      const YamlPair& pair = *written().find("upload");
      guarded(pair, [&] { require_repo_id(steps.upload->place()); });
      if (steps.upload->is_private && !steps.upload->create)
        fail_value(pair, "private is for a repository that is made; add create: true");
    }
    for (const YamlPair& one : text_.unused(index_))
      fail_at(one.place, "matrix: " + one.key + " is no key of a conversion, and nothing says ${" + one.key +
                             "}" + matrix_hint(one.key));
  }
  /// Of an output of which nothing is kept there is nothing to verify, and nothing to look at.
  void check_discarded() {
    if (!entry_.converts() || entry_.keeps()) return;
    const YamlPair* verify = written().find("verify");
    if (verify != nullptr && entry_.request.run.verify)
      fail_value(*verify, "there is no output to compare, to: " + entry_.request.write.format +
                              " keeps none; say verify: false");
    entry_.request.run.verify = false;
    for (const auto& [step, settings] : entry_.step_settings)
      fail_value(*written().find(step), "there is no output to look at, to: " + entry_.request.write.format +
                                            " keeps none; take one of them out");
  }
  static std::string matrix_hint(const std::string& key) {
    std::string text = unknown_entry_key(key, false);
    const std::size_t at = text.find("; did you mean");
    return at == text.npos ? "; use it, or take it out" : text.substr(at);
  }

  RecipeText& text_;
  std::size_t index_;
  RecipeEntry entry_;
};

}  // namespace

void resolve_entries(RecipeText& text, Recipe& recipe) {
  for (std::size_t k = 0; k < text.entries.size(); ++k) recipe.entries.push_back(EntryMaker(text, k).make());
  check_places(recipe);
  recipe.order();  // throws where there is none
}

std::vector<std::size_t> Recipe::order() const {
  enum class Mark { none, open, done };
  std::vector<Mark> marks(entries.size(), Mark::none);
  std::vector<std::size_t> result, open;
  const std::function<void(std::size_t)> visit = [&](std::size_t k) {
    if (marks[k] == Mark::done) return;
    if (marks[k] == Mark::open) {
      std::string chain;
      for (auto one = std::find(open.begin(), open.end(), k); one != open.end(); ++one)
        chain += entries[*one].name + " -> ";
      fail_at(entries[k].place, "needs: " + chain + entries[k].name +
                                    " need each other; let one of them begin with something else");
    }
    marks[k] = Mark::open;
    open.push_back(k);
    for (const std::size_t other : entries[k].needs) visit(other);
    open.pop_back();
    marks[k] = Mark::done;
    result.push_back(k);
  };
  for (std::size_t k = 0; k < entries.size(); ++k) visit(k);
  return result;
}

}  // namespace mhub::converters
